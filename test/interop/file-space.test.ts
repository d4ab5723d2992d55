// File space beside real libhdf5.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { scratchFolder } from '../hdf5/scratch.js';
import { describeWith, runPython } from './readers.js';

const scratch = scratchFolder();

interface Recorded {
  readonly sessions: readonly { readonly fileSize: number; readonly operations: readonly (readonly (string | number | boolean)[])[] }[];
}

describeWith(['h5py'], 'the requests that test/filespace replays', () => {
  it('are those of the libhdf5 that is here: it puts raw data at the same addresses, and files have the same sizes', () => {
    const recorded = JSON.parse(readFileSync(new URL('../filespace/fixtures/libhdf5-requests.json', import.meta.url), 'utf8')) as Recorded[];
    const seen = runPython('space_trial.py', [scratch.path('.trial')])
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(seen).toEqual(
      recorded.map(({ sessions, ...trial }) => ({
        ...trial,
        addresses: sessions.flatMap(({ operations }) =>
          operations.filter(([name, kind]) => name === 'allocate' && kind === 'raw').map(([, , , address]) => address),
        ),
        sizes: sessions.map(({ fileSize }) => fileSize),
      })),
    );
  });
});
