// Runs one of the programs that are compared, in a fresh process, so that its peak memory is its own.
import { spawn } from 'node:child_process';
import { cpus } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const STDERR_KEPT = 2000;

/**
 * Runs a program that prints one line of JSON.
 * @param command the program and its arguments
 * @param beforeClock awaited when the program says that it is `ready`; then it is told to go
 * @returns what it printed; of a program under the clock also `others`, the processors that other work kept busy meanwhile
 */
export async function runProgram(command, { signal, beforeClock } = {}) {
  const child = spawn(command[0], command.slice(1), { signal, killSignal: 'SIGKILL' });
  let said = '';
  let failure;
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said = (said + text).slice(-STDERR_KEPT);
  });
  child.stdin.on('error', () => undefined); // a program that has ended reads nothing; its status says why
  child.on('error', (error) => {
    failure ??= error;
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  let started;
  let result;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line !== 'ready') {
      result = JSON.parse(line);
      if (started !== undefined) result.others = otherWork(started, result.cpuSeconds);
      continue;
    }
    try {
      await beforeClock?.();
      started = { at: performance.now(), busy: busySeconds() };
      child.stdin.write('go\n');
    } catch (error) {
      failure ??= error;
      child.kill('SIGKILL');
    }
  }
  const status = await ended;
  if (failure !== undefined) throw failure;
  if (status !== 0 || result === undefined) throw new Error(complaint(said) ?? `${command[0]} ended with status ${status ?? 'none: it was killed'}`);
  return result;
}

/** CPU seconds that all processors have spent on anything. */
function busySeconds() {
  return cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0) / 1e3;
}

function otherWork({ at, busy }, ownSeconds) {
  return Math.max(0, busySeconds() - busy - ownSeconds) / ((performance.now() - at) / 1e3);
}

/** The line of a stack trace that says what happened, in Node or Python; else the last line. */
function complaint(text) {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.findLast((line) => /^[\w.]*(Error|Exception)\b/.test(line)) ?? lines.at(-1);
}

/** Touches memory and page cache as `warm.mjs` says. @param read files that are to be in the page cache */
export async function warm(folder, { memoryBytes, fileBytes }, { read = [], signal }) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('warm.mjs', import.meta.url)), folder, memoryBytes, fileBytes, ...read].map(String), {
    signal,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve();
      else reject(new Error('warming the machine failed'));
    });
  });
}
