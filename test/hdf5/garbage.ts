// What memory is in use can only be told when what is not used any more is gone.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

async function collectGarbage(): Promise<void> {
  // The memory of arrays is given back by another thread, and more of it when what held it has gone.
  for (let i = 0; i < 4; i += 1) {
    collect();
    await new Promise(setImmediate);
  }
}

/** What work takes of memory outside of V8's heap at most, while it is done, and how often others had their turns. */
export async function memoryOf<T>(work: () => Promise<T>): Promise<{ result: T; most: number; turns: number }> {
  await collectGarbage();
  const before = process.memoryUsage().arrayBuffers;
  let [most, turns, isDone] = [0, 0, false];
  const look = (): void => {
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    turns += 1;
    if (!isDone) setImmediate(look);
  };
  look();
  const result = await work();
  isDone = true;
  look();
  return { result, most, turns };
}
