/**
 * Events to 1,000 actors that carry a kilobyte each, at 1, 64 and 512 in flight, in process, with journal and
 * inspection on. Each is answered when it is committed. It does not measure HTTP, nor many events to one actor.
 */
import { createActorSystem } from '../src/actors/runtime/index.ts';
import { openPool } from '../src/persistence/pool.ts';
import { batched, oneByOne, openFloorPool, sampleRows, type WriteStep, writer } from './floor.ts';
import { counter } from './machines.ts';
import { type Measured, measure, medianOf, ratio } from './measure.ts';
import { type BenchOptions, printTable } from './options.ts';

const ACTORS = 1_000;
const IN_FLIGHT = [
  { inFlight: 1, events: 2_000 },
  { inFlight: 64, events: 15_000 },
  { inFlight: 512, events: 30_000 },
] as const;

interface Row {
  inFlight: number;
  events: Measured;
  floorOneByOne: Measured;
  floorBatched: Measured;
  /** Rate of the events by the floor's. */
  ofOneByOne: number;
  ofBatched: number;
  /** Median time of one event by the one-transaction floor's. */
  p50OfOneByOne: number;
}

/** Floor and events in turn, so that both meet the same machine. */
export async function eventsBench({ connectionString, smoke, runs }: BenchOptions): Promise<{
  rows: Row[];
  rowBytes: { snapshot: number; record: number };
  notMeasured: string;
}> {
  const pool = openPool(connectionString, () => {});
  const floorPool = openFloorPool(connectionString);
  const system = await createActorSystem({ pool, connectionString, machines: [counter], effects: [] });
  const rows: Row[] = [];
  try {
    const keys = Array.from({ length: ACTORS }, (_, index) => String(index));
    await Promise.all(keys.map((key) => system.spawn('counter', key, { input: {}, owner: 'bench' })));
    await system.send('counter/0', { type: 'ADD', by: 1 });
    const sample = await sampleRows(pool, 'counter/0', 2);
    const write = writer(floorPool, sample);
    await write(keys.map((key) => ({ address: `floor/${key}`, revision: 1 })));
    const revisions = new Map(keys.map((key) => [key, 1]));
    const floorEvent = async (writeStep: WriteStep, key: string): Promise<void> => {
      const revision = (revisions.get(key) ?? 0) + 1;
      revisions.set(key, revision);
      await writeStep({ address: `floor/${key}`, revision });
    };
    for (const { inFlight, events } of IN_FLIGHT) {
      const pieces = smoke ? inFlight * 2 : events;
      const nextKey = takeTurns(keys, inFlight);
      const send = async (lane: number): Promise<void> => {
        await system.send(`counter/${nextKey(lane)}`, { type: 'ADD', by: 1 });
      };
      const measured = { events: [] as Measured[], oneByOne: [] as Measured[], batched: [] as Measured[] };
      await measure(Math.ceil(pieces / 2), inFlight, send);
      for (let turn = 0; turn < runs; turn++) {
        const single = oneByOne(write);
        const grouped = batched(write);
        measured.oneByOne.push(await measure(pieces, inFlight, (lane) => floorEvent(single, nextKey(lane))));
        measured.batched.push(await measure(pieces, inFlight, (lane) => floorEvent(grouped, nextKey(lane))));
        measured.events.push(await measure(pieces, inFlight, send));
      }
      const row = {
        inFlight,
        events: medianOf(measured.events),
        floorOneByOne: medianOf(measured.oneByOne),
        floorBatched: medianOf(measured.batched),
      };
      rows.push({
        ...row,
        ofOneByOne: ratio(row.events.perSecond, row.floorOneByOne.perSecond),
        ofBatched: ratio(row.events.perSecond, row.floorBatched.perSecond),
        p50OfOneByOne: ratio(row.events.p50Ms, row.floorOneByOne.p50Ms),
      });
    }
    printTable(
      `events to ${ACTORS} actors`,
      ['in flight', 'events/s', 'p50 / p99 ms', 'one by one (of it; p50)', 'batched (of it)'],
      rows.map((row) => [
        row.inFlight,
        row.events.perSecond,
        `${row.events.p50Ms} / ${row.events.p99Ms}`,
        `${row.floorOneByOne.perSecond} (${row.ofOneByOne}; ${row.floorOneByOne.p50Ms} ms)`,
        `${row.floorBatched.perSecond} (${row.ofBatched})`,
      ]),
    );
    return {
      rows,
      rowBytes: { snapshot: sample.snapshot.length, record: sample.record.length },
      notMeasured: 'HTTP, many events to one actor at once, actors that are not cached, idempotency keys',
    };
  } finally {
    await system.drain();
    await pool.end();
    await floorPool.end();
  }
}

/** Each lane has actors of its own, so that the floor never writes one actor twice at once. */
function takeTurns(keys: readonly string[], lanes: number): (lane: number) => string {
  const taken = new Map<number, number>();
  return (lane) => {
    const turn = taken.get(lane) ?? lane;
    taken.set(lane, turn + lanes < keys.length ? turn + lanes : lane);
    return keys[turn] ?? '';
  };
}
