/** What a person sees when the server is ready: where it is, what it runs on, and what to paste into an assistant. */
import { type Config, isLoopback } from '../config.ts';

/**
 * The banner. `url`: base URL of the doors. `joined`: another process brought up the home. `source`: where prices come
 * from, as the analysis service says it; as it is set unless given.
 */
export function banner(options: {
  url: string;
  analysisUrl: string;
  config: Config;
  joined: boolean;
  source?: string;
}): string {
  const { url, analysisUrl, config, joined, source = config.marketData } = options;
  const mcp = `${url}/mcp`;
  const lines = [
    '',
    `TTAI is ready at ${url}   (Ctrl-C stops it)`,
    '',
    ...table([
      ['MCP', mcp],
      ['WebSocket', `${url.replace(/^http/, 'ws')}/ws`],
      ['Inspector', `${url}/inspect`],
      ['API', `${url}/api/openapi.json`],
      ['Analysis', `${analysisUrl}/openapi.json`],
      ['Market data', marketData(config, source)],
      ['Database', config.databaseUrl ? 'DATABASE_URL' : 'embedded Postgres'],
      ['State', joined ? `${config.home} (brought up by another server)` : config.home],
      ...(isLoopback(config.host)
        ? []
        : [['Reach', `others can reach ${config.host}; every request needs a token`] as const]),
    ]),
    '',
    'Try it, in another terminal:',
    `  ${config.authTokensFile === undefined ? '' : 'TTAI_TOKEN=<token> '}npm run -s ttai -- analyze AAPL`,
    ...(config.authTokensFile === undefined
      ? []
      : ['', 'A token is made, and shown once, with:', '  npm run -s ttai -- token add NAME']),
    '',
    'Claude Code:',
    `  claude mcp add --transport http ttai ${mcp}${config.authTokensFile === undefined ? '' : ' --header "Authorization: Bearer <token>"'}`,
    '',
    'Other assistants, in their MCP configuration:',
    ...JSON.stringify(hostConfiguration(mcp, config), null, 2)
      .split('\n')
      .map((line) => `  ${line}`),
    '',
  ];
  return `${lines.join('\n')}\n`;
}

function marketData(config: Config, source: string): string {
  const asOf = config.marketDataAsOf ? `, as of ${config.marketDataAsOf}` : '';
  const files = config.marketData === 'files' ? `files in ${config.marketDataDir}` : null;
  if (source !== 'simulated') return `${files ?? source}${asOf}`;
  return `SIMULATED MARKET${files === null ? '' : `, stored as ${files}`}: invented prices, not for trading${asOf}`;
}

function hostConfiguration(mcp: string, config: Config): object {
  const headers = config.authTokensFile ? { headers: { Authorization: 'Bearer <token>' } } : {};
  return { mcpServers: { ttai: { type: 'http', url: mcp, ...headers } } };
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
}
