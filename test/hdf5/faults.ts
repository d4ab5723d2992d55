// The tests of failing system calls, which differ in how many calls fail.
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { dataset, group, readAll, type DescribedType, type Printed, type SeenFile } from '../interop/h5py.js';
import { floatDigits } from '../interop/kinds.js';
import { isAvailable } from '../interop/readers.js';
import { complaints } from '../interop/tools.js';
import type { Kept } from './children/faulty-writer.js';
import { inPlace } from './children/faulty-steps.js';
import { FaultyWriter, canFailCalls, sweeps } from './failing-calls.js';
import { scratchFolder } from './scratch.js';

/** A value as h5py prints it. */
function printed(type: DescribedType, value: unknown): Printed {
  switch (type.class) {
    case 'float':
      return floatDigits(value as number, type.size);
    case 'compound':
      return type.members.map(({ type: member }, i) => printed(member, (value as readonly unknown[])[i]));
    default:
      return String(value);
  }
}

/** h5py finds what the file must hold; in a file that is not closed, what is written in place may be there already. */
function expectSeen(seen: SeenFile, { content, isClosed }: Kept): void {
  const paths = Object.keys(content).filter((path) => !path.includes('@'));
  expect(Object.entries(seen).filter(([, { kind }]) => kind === 'dataset').map(([path]) => path).sort()).toEqual(paths.sort());
  for (const [path, values] of Object.entries(content)) {
    const [object = '', attribute] = path.split('@');
    const { type, values: found } = attribute === undefined ? dataset(seen, path) : (object === '/' ? group(seen, object) : dataset(seen, object)).attributes[attribute] ?? dataset(seen, path);
    if (isClosed || !inPlace.has(path)) expect([path, found]).toEqual([path, Array.from(values, (value) => printed(type, value))]);
    else expect(found).toHaveLength(values.length);
  }
}

/** @param most runs of each sweep, 0 for one at every call */
export function testFaults(most: number, seconds: number): void {
  const scratch = scratchFolder();
  if (!canFailCalls) console.warn('skipped: failing system calls: they need Linux and a C compiler');
  describe.skipIf(!canFailCalls)('when', () => {
    let writer: FaultyWriter;
    beforeAll(() => {
      writer = new FaultyWriter(join(scratch.folder, 'compiled'));
    });
    const kept: Kept[] = [];

    it.each(sweeps(most))('%s, callers are told, files are as of the last flush, and in the end all is there', async (_, sweep) => {
      const { calls, played, failures, problems, kept: left } = await writer.play(sweep, seconds);
      expect(problems).toEqual([]);
      expect(played).toBe(sweep.most === 0 ? calls : Math.min(calls, sweep.most));
      // A sweep in which nothing failed would prove nothing; in files that are written little is read.
      if (sweep.effect !== 'short' && sweep.error.code !== 'EINTR' && sweep.mode === 'write' && played > 0) expect(failures).toBeGreaterThan(0);
      kept.push(...left);
    }, seconds * 1000);

    it.skipIf(!isAvailable('h5py'))('a call has failed, h5py finds the same, and h5stat has no complaint', () => {
      expect(kept.length).toBeGreaterThan(10);
      const seen = readAll(kept.map(({ path }) => path));
      kept.forEach((one, i) => {
        expectSeen(seen[i] ?? {}, one);
      });
      expect(kept.filter(({ isClosed }) => isClosed).flatMap(({ path }) => complaints(path))).toEqual([]);
    });
  });
}
