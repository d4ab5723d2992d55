// A folder for the files of one test file. When its tests are over, every file in it whose name ends in `.h5` has to pass
// h5ls, h5stat and the comparison of its size with its superblock; a test that leaves a file that cannot pass names it otherwise.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { complaints } from '../interop/tools.js';

export interface Scratch {
  readonly folder: string;
  /** A path that no other call gives. */
  path(ending?: string): string;
}

/** Call it once, at the top of a test file. */
export function scratchFolder(): Scratch {
  const folder = mkdtempSync(join(tmpdir(), 'freestone-test-'));
  let count = 0;
  afterAll(() => {
    const files = readdirSync(folder).filter((name) => name.endsWith('.h5'));
    const wrong = files.flatMap((name) => complaints(join(folder, name)));
    if (process.env['FREESTONE_KEEP_FILES'] === undefined) rmSync(folder, { recursive: true, force: true });
    expect(wrong).toEqual([]);
  }, 600_000);
  return {
    folder,
    path: (ending = '.h5') => {
      count += 1;
      return join(folder, `${String(count)}${ending}`);
    },
  };
}
