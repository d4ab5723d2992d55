import { setImmediate as eventLoop } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Turns } from '../../../lib/hdf5/storage/file-store.js';

const MOST = 1000;
/** Milliseconds. */
let clock = 0;

beforeEach(() => {
  clock = 1000;
  vi.spyOn(performance, 'now').mockImplementation(() => clock);
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** A write within the call that takes so many milliseconds, if it is allowed. */
function write(turns: Turns, milliseconds: number, hasSlept = true): boolean {
  if (!turns.allow(MOST)) return false;
  const begun = clock;
  clock += milliseconds;
  turns.wrote(begun, hasSlept);
  return true;
}

describe('a write within the call', () => {
  it('is not allowed when it is too large', () => {
    expect(new Turns(MOST).allow(MOST + 1)).toBe(false);
  });

  it('is allowed for 16 ms, until the event loop turns', async () => {
    const turns = new Turns(MOST);
    for (let i = 0; i < 8; i += 1) expect(write(turns, 2)).toBe(true);
    expect(write(turns, 2)).toBe(false);
    await eventLoop();
    expect(write(turns, 2)).toBe(true);
  });

  it('makes the next call wait for a turn after 8 ms, once', () => {
    const turns = new Turns(MOST);
    write(turns, 3);
    expect(turns.next()).toBeUndefined();
    write(turns, 3);
    write(turns, 3);
    expect(turns.next()).toBeDefined();
    expect(turns.next()).toBeUndefined();
  });

  it('keeps no others away that took long because of another program', () => {
    const turns = new Turns(MOST);
    write(turns, 12, false);
    expect(write(turns, 1)).toBe(true);
  });

  it('that took long keeps others away for fifty times as long', async () => {
    const turns = new Turns(MOST);
    write(turns, 5);
    clock += 249;
    await eventLoop();
    expect(write(turns, 1)).toBe(false);
    clock += 1;
    expect(write(turns, 1)).toBe(true);
  });
});

it('calls that write nothing wait for a turn every 8 ms', () => {
  const turns = new Turns(MOST);
  const waits = (): number => Array.from({ length: 64 }, () => turns.next()).filter((wait) => wait !== undefined).length;
  expect(waits()).toBe(0);
  clock += 9;
  expect(waits()).toBeGreaterThan(0);
});

it('large calls wait for a turn as soon as 8 ms are over', () => {
  const turns = new Turns(MOST);
  expect(turns.next(2 ** 20)).toBeUndefined();
  clock += 9;
  expect(turns.next(2 ** 20)).toBeDefined();
});
