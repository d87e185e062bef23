/** Shows on stderr what the set-up is doing and how far it is: a live line on a terminal, plain lines in a pipe. */

const TICK_MS = 1_000;
const PLAIN_EVERY_MS = 10_000;

/** Starts showing these steps; tell it which are finished, and when all is over. */
export function showProgress(names, stream = process.stderr) {
  const startedAt = Date.now();
  const open = new Set(names);
  const seconds = () => `${Math.round((Date.now() - startedAt) / 1000)} s`;
  const count = () => `${names.length - open.size}/${names.length}`;
  const print = (line) => stream.write(stream.isTTY ? `\r\x1b[K${line}\n` : `${line}\n`);
  const live = () => stream.write(`\r\x1b[KSetting up ${count()}: ${[...open].join(', ')} (${seconds()})`);

  print(`Setting up ${names.join(' and ')}. The first time takes a minute or two.`);
  const plain = () => print(`Setting up ${count()}: still at ${[...open].join(', ')} (${seconds()})`);
  const timer = stream.isTTY ? setInterval(live, TICK_MS) : setInterval(plain, PLAIN_EVERY_MS);
  return {
    finished(name) {
      open.delete(name);
      print(`Setting up ${count()}: ${name} ready (${seconds()})`);
    },
    end(verdict) {
      clearInterval(timer);
      print(`${verdict} after ${seconds()}.`);
    },
  };
}
