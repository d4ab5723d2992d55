// Waiting for a word of shared memory to change.
import { setTimeout as sleep } from 'node:timers/promises';

/** How long a change may go unnoticed whose notification was lost: a thread that dies tells nobody. Milliseconds. */
const LONGEST = 50;

/** Until `words[index]` is not `seen` any more, or for a moment: the caller looks again. Keeps no process alive. */
export async function changed(words: Int32Array, index: number, seen: number): Promise<void> {
  const { async: waits, value } = Atomics.waitAsync(words, index, seen, LONGEST);
  // Both come as tasks of the engine, which once did not come for half a minute on a busy machine; a timer always does.
  if (waits) await Promise.race([value, sleep(LONGEST, undefined, { ref: false })]);
}
