// The writer's process is killed at random moments, and h5py must open what it leaves as of the last flush that resolved.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { compileInto } from '../hdf5/compiled.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { readAll } from './h5py.js';
import { describeWith } from './readers.js';
import { expectSurvived } from './survivors.js';

const scratch = scratchFolder();
const effort = Number(process.env['FREESTONE_EFFORT'] ?? 1);
let child: (name: string) => string;

beforeAll(() => {
  child = compileInto(join(scratch.folder, 'compiled'));
});

interface Victim {
  readonly path: string;
  /** The last step that it said was flushed. */
  readonly flushed: number;
}

/** Lets a writer run until some time after its first flush, and kills it. */
function killed(mode: 'awaited' | 'overlapping', afterMs: number): Promise<Victim> {
  // What is left has no tidy end, so that it does not count among the files that must have one.
  const path = scratch.path('.killed');
  return new Promise((resolve, reject) => {
    const writer = spawn(process.execPath, [child('killed-writer'), path, mode], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    let complaint = '';
    writer.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
    writer.stdout.on('data', (chunk: Buffer) => {
      if (said === '') setTimeout(() => writer.kill('SIGKILL'), afterMs);
      said += chunk.toString();
    });
    writer.on('error', reject);
    writer.on('close', (_, signal) => {
      // A last line that was cut off was not said.
      const flushed = Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1));
      if (signal === 'SIGKILL') resolve({ path, flushed });
      else reject(new Error(`the writer ended by itself: ${complaint}`));
    });
  });
}

describeWith(['h5py'], 'after its writer was killed', () => {
  it.each(['awaited', 'overlapping'] as const)('a file opens as of the last flush or later, all values right (%s)', async (mode) => {
    const victims: Victim[] = [];
    for (let run = 0; run < 13 * effort; run += 1) victims.push(await killed(mode, Math.random() ** 2 * 150));
    const seen = readAll(victims.map(({ path }) => path));
    victims.forEach(({ flushed }, i) => {
      expectSurvived(seen[i] ?? {}, flushed);
    });
    expect(victims.some(({ flushed }) => flushed > 1)).toBe(true);
  }, 60_000 * effort);
});
