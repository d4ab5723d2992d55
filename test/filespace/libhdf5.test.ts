// What libhdf5 asked for in real sessions, asked of a FileSpace: each block must lie where it lay there.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FileSpace, type FileSpaceOptions, type SectionKind, type SpaceState } from '../../lib/filespace/index.js';

type Operation =
  | readonly ['allocate', SectionKind, number, number]
  | readonly ['extend', number, number, number, boolean]
  | readonly ['free', SectionKind, number, number]
  | readonly ['release']
  | readonly ['append', number, number];

interface Trial {
  readonly trial: 'six objects' | 'alignment';
  readonly strategy: 'fsm-aggr' | 'page' | 'aggr' | 'none';
  readonly persist: boolean;
  readonly sessions: readonly { readonly fileSize: number; readonly operations: readonly Operation[] }[];
}

const trials = JSON.parse(readFileSync(new URL('fixtures/libhdf5-requests.json', import.meta.url), 'utf8')) as Trial[];

/** libhdf5's strategies in words of this package. */
const settings: Readonly<Record<Trial['strategy'], FileSpaceOptions>> = {
  'fsm-aggr': { strategy: 'best-fit' },
  page: { strategy: 'best-fit', pageSize: 4096 },
  aggr: { strategy: 'end-of-file' },
  none: { strategy: 'end-of-file', metadataBlockSize: 0, smallDataBlockSize: 0 },
};

function perform(space: FileSpace, operation: Operation): void {
  switch (operation[0]) {
    case 'allocate':
      expect([...operation.slice(0, 3), space.allocate(operation[2], { kind: operation[1] })]).toEqual(operation);
      return;
    case 'extend':
      expect([...operation.slice(0, 4), space.extend(operation[1], operation[2], operation[3])]).toEqual(operation);
      return;
    case 'free':
      // A block of an earlier session is known as a part of what was live then.
      space.freeRange(operation[2], operation[3], { kind: operation[1] });
      space.commit();
      return;
    case 'release':
      space.releaseBlocks();
      return;
    case 'append':
      space.strategy = 'end-of-file';
      expect(['append', operation[1], space.allocate(operation[1])]).toEqual(operation);
  }
}

describe.each(trials)('the $trial of libhdf5 1.10.8 with strategy $strategy, persist $persist', ({ trial, strategy, persist, sessions }) => {
  it('lie at the same addresses, and the file has the same size', () => {
    const options: FileSpaceOptions = {
      ...settings[strategy],
      ...(trial === 'alignment' ? { alignment: { threshold: 1000, value: 512 } } : {}),
    };
    // AGGR and NONE keep nothing, whatever they are told.
    const keeps = persist && (strategy === 'fsm-aggr' || strategy === 'page');
    let state: SpaceState = { endOfFile: 0, free: [] };
    for (const { fileSize, operations } of sessions) {
      const space = FileSpace.restore(0, state, options);
      const body = operations.filter(([name]) => name !== 'append');
      for (const operation of body) perform(space, operation);
      space.shrinkTail();
      space.validate();
      state = keeps ? space.serialise() : { endOfFile: space.endOfFile, free: [] };
      for (const operation of operations.slice(body.length)) perform(space, operation);
      expect(space.endOfFile).toBe(fileSize);
      space.validate();
    }
  });
});
