// What the Node programs that are compared have in common: the other side of subject-process.mjs.
//   node <program> versions        what is installed, as one line of JSON
//   node <program> write <job>     loads, says `ready`, waits for a line, runs under the clock, prints what it measured
//   node <program> read <job>      the same, reading a file
//   node <program> check <job>     reads a result back
import { once } from 'node:events';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOP_RESOLUTION_MS = 2;

/**
 * @param verbs.versions () => what is installed
 * @param verbs.write (job) => the function that is put under the clock; all that comes before is preparation
 * @param verbs.read (job) => { run, digest }: `run` is put under the clock with a function that takes what was read; after the clock
 * it runs once more if the job wants a digest, which `digest` makes
 * @param verbs.check (job) => what the file holds
 */
export async function subject(verbs) {
  const [verb, text] = process.argv.slice(2);
  const job = text === undefined ? undefined : JSON.parse(text);
  const answer = await (verb === 'write' ? write(verbs, job) : verb === 'read' ? read(verbs, job) : verbs[verb](job));
  console.log(JSON.stringify(answer));
}

async function write(verbs, job) {
  return measure(await verbs.write(job), job);
}

async function read(verbs, job) {
  const { run, digest } = await verbs.read(job);
  const measured = await measure(() => run(() => undefined), job);
  if (!job.digest) return measured;
  await run((values) => {
    if (ArrayBuffer.isView(values)) digest.add(values);
    else digest.addTexts(values);
  });
  return { ...measured, digest: digest.value };
}

/** A file's bytes, `repeat` times, in one array. */
export function readInput({ input, repeat }) {
  const { size } = statSync(input);
  const values = new Float64Array((size * repeat) / Float64Array.BYTES_PER_ELEMENT);
  const bytes = new Uint8Array(values.buffer);
  const file = openSync(input, 'r');
  for (let at = 0; at < bytes.length; ) {
    const from = at % size;
    at += readSync(file, bytes, at, Math.min(size - from, 2 ** 28), from);
  }
  closeSync(file);
  return values;
}

async function measure(work, { output }) {
  console.log('ready');
  await once(process.stdin, 'data');
  process.stdin.destroy();
  const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  const peakBefore = process.resourceUsage().maxRSS;
  loop.enable();
  await sleep(2 * LOOP_RESOLUTION_MS); // the first turn of the loop is what the later ones are measured from
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1e3;
  const cpu = process.cpuUsage(cpuBefore);
  await sleep(2 * LOOP_RESOLUTION_MS); // a loop that was blocked to the end shows it at its next turn
  loop.disable();
  const peak = process.resourceUsage().maxRSS;
  const late = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - LOOP_RESOLUTION_MS);
  return {
    seconds,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    peakBytes: peak * 1024,
    grewBytes: (peak - peakBefore) * 1024,
    fileBytes: statSync(output).size,
    loopDelayMs: { p99: late(loop.percentile(99)), max: late(loop.max) },
  };
}
