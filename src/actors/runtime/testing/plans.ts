/** How Postgres reads what a statement asks for. */
import type { Pool } from 'pg';
import type { Statement } from './watched-pool.ts';

/**
 * How many rows a statement looks at, at most, in one of its scans, by the plan that is the same for all its values. It
 * is run, and rolled back. Throws when its plan scans nothing.
 */
export async function mostRowsLookedAt(pool: Pool, { text, values }: Statement): Promise<number> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('SET LOCAL plan_cache_mode = force_generic_plan');
    await client.query(`PREPARE looked AS ${text}`);
    const literals = values.map((value) => {
      if (value === null) return 'NULL';
      return client.escapeLiteral(
        Array.isArray(value) ? `{${value.map((one) => `"${one}"`)}}` : String(value),
      );
    });
    const { rows } = await client.query(`EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE looked(${literals})`);
    const looked: number[] = [];
    const visit = (node: Record<string, unknown>): void => {
      if (/Scan/.test(String(node['Node Type'])) && node['Relation Name'] !== undefined) {
        looked.push(Number(node['Actual Rows']) + Number(node['Rows Removed by Filter'] ?? 0));
      }
      for (const child of (node.Plans ?? []) as Record<string, unknown>[]) visit(child);
    };
    visit(rows[0]['QUERY PLAN'][0].Plan);
    if (looked.length === 0) throw new Error('the plan scans nothing');
    return Math.max(...looked);
  } finally {
    await client.query('ROLLBACK');
    // Not for others: what it has prepared here goes with it.
    client.release(true);
  }
}
