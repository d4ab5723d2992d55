// What memory is in use can only be told when what is not used any more is gone.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

export async function collectGarbage(): Promise<void> {
  // The memory of arrays is given back by another thread, and more of it when what held it has gone.
  for (let i = 0; i < 4; i += 1) {
    collect();
    await new Promise(setImmediate);
  }
}
