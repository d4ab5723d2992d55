// A minute's worth of telemetry, at a thousand appends a second; test/stress has an hour's worth.
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { compileInto } from './compiled.js';
import { scratchFolder } from './scratch.js';
import { MIB, growth, soak } from './soak.js';

const scratch = scratchFolder();

describe('a process that appends', () => {
  let child: (name: string) => string;
  beforeAll(() => {
    child = compileInto(join(scratch.folder, 'compiled'));
  });

  it('does not grow', async () => {
    const soaked = await soak(child('soaking-writer'), scratch.path(), 60_000, 1000);
    expect(soaked.rows).toBe(60_000_000);
    expect(growth(soaked)).toBeLessThan(48 * MIB);
  });
});
