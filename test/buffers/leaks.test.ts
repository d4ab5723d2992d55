import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LeakReport } from '../../lib/buffers/index.js';
import { compileInto } from '../hdf5/compiled.js';

const folder = mkdtempSync(join(tmpdir(), 'freestone-leaks-'));
let script: string;

beforeAll(() => {
  script = compileInto(folder, ['lib/frames', 'lib/slab', 'lib/buffers'], 'test/buffers/children')('leaks');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

// Processes of their own: what the engine collects, and when it says so, is theirs alone.
function run(scenario: string): unknown {
  return JSON.parse(execFileSync(process.execPath, ['--expose-gc', script, scenario], { encoding: 'utf8' }));
}

describe('leaks', () => {
  it('are reported with the place of the acquisition, and their memory comes back, zeroed', () => {
    const found = run('one') as { reports: LeakReport[]; published: LeakReport[] };
    expect(found).toMatchObject({ live: 0, leaks: 1, clean: true, reports: [{ pool: 'leaky', size: 5000 }] });
    expect(found.published).toEqual(found.reports);
    expect(found.reports[0]?.stack.split('\n')[0]).toMatch(/forgetful.*leaks\.js/);
  });

  it('are none while a part of the buffer is in use', () => {
    expect(run('part')).toEqual({ live: 1, leaks: 0, whole: true });
  });

  it('are not what was released', () => {
    expect(run('released')).toEqual({ live: 0, leaks: 0 });
  });

  it('are looked for in the share that is asked for', () => {
    expect(run('share')).toEqual({ leaks: 25 });
  });

  it('free memory for those who wait', () => {
    expect(run('waiting')).toEqual({ length: 100 });
  });
});
