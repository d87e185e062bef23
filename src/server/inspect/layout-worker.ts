/**
 * Runs ELK for one chart in a thread of its own: a layout takes 50 to 300 ms of pure computing, during which the
 * server's thread would answer nobody. Started by layout.ts only.
 */
import { parentPort, workerData } from 'node:worker_threads';
import Elk from 'elkjs/lib/elk.bundled.js';
import type { ElkNode } from 'elkjs/lib/elk-api.js';

const placed = await new Elk.default().layout(workerData as ElkNode);
parentPort?.postMessage(placed);
