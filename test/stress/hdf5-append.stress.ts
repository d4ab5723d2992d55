// An hour's worth of telemetry, or FREESTONE_SOAK_HOURS of it: a thousand appends a second, a flush every ten seconds. Prints the curve.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { compileInto } from '../hdf5/compiled.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { MIB, growth, soak } from '../hdf5/soak.js';

const scratch = scratchFolder();
const hours = Number(process.env['FREESTONE_SOAK_HOURS'] ?? 1);
const APPENDS_PER_HOUR = 3_600_000;

describe('a process that appends for hours', () => {
  let child: (name: string) => string;
  beforeAll(() => {
    child = compileInto(join(scratch.folder, 'compiled'));
  });

  it('does not grow in the second half of them by more than its index of chunks does', async () => {
    const path = scratch.path();
    const appends = Math.round(hours * APPENDS_PER_HOUR);
    const soaked = await soak(child('soaking-writer'), path, appends, 10_000);
    console.log(`${String(soaked.fileSize)} bytes of file\n  appends   seconds  resident  heap  outside, MiB`);
    for (const [n = 0, seconds = 0, ...sizes] of soaked.samples.filter((_, i) => i % 5 === 4)) {
      console.log([String(n).padStart(9), seconds.toFixed(1).padStart(9), ...sizes.map((size) => (size / MIB).toFixed(1).padStart(8))].join(' '));
    }
    expect(soaked.rows).toBe(appends * 1000);
    // An hour is 14,000 chunks, of which the process knows where each is.
    expect(growth(soaked)).toBeLessThan(32 * MIB * Math.max(1, hours));
    rmSync(path);
  }, Math.max(1, hours) * 3_600_000);
});
