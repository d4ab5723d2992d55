// Every write of a session is recorded, and replayed as a crash or a power cut at many moments would have left it: what had not
// ended may be there whole, in part or not at all. h5py must open each of these files as of the last flush that had resolved.
import { writeFileSync } from 'node:fs';
import { beforeAll, expect, it, vi } from 'vitest';
import { H5File, type Durability } from '../../lib/hdf5/index.js';
import { createGrowing, startStep } from '../hdf5/children/steps.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { readAll } from './h5py.js';
import { describeWith } from './readers.js';
import { Tape, type Event } from './recording.js';
import { expectSurvived } from './survivors.js';

const tapes = vi.hoisted((): { current: unknown } => ({ current: undefined }));

vi.mock(import('../../lib/native.js'), async (original) => {
  const real = await original();
  const { recordingNative } = await import('./recording.js');
  const native = recordingNative(real.native(), () => tapes.current as Tape);
  return { ...real, native: () => native };
});

const scratch = scratchFolder();
const steps = 25;

/** Numbers from 0 to 1 that are the same in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

async function record(durability: Durability): Promise<readonly Event[]> {
  const tape = new Tape();
  tapes.current = tape;
  const file = await H5File.create(scratch.path(), { durability });
  tape.mark(0);
  const growing = await createGrowing(file);
  // Flushes meet the writes of the step after them.
  for (let n = 1; n <= steps; n += 1) {
    const done = startStep(file, growing, n);
    if (n % 3 === 0) await done;
    const flushed = file.flush().then(() => {
      tape.mark(n);
    });
    if (n % 2 === 0) await flushed;
    else await done;
  }
  await file.close();
  return tape.events;
}

/** A file as writes make it. */
class Image {
  #bytes = Buffer.alloc(2 ** 20);
  #size = 0;

  apply(event: Event, share = 1): void {
    if (event.kind === 'truncate') this.#resize(event.size);
    if (event.kind !== 'write') return;
    const part = event.bytes.subarray(0, Math.floor(event.bytes.length * share));
    if (part.length === 0) return;
    this.#resize(Math.max(this.#size, event.address + part.length));
    part.copy(this.#bytes, event.address);
  }

  #resize(size: number): void {
    if (size > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(size)]);
    if (size < this.#size) this.#bytes.fill(0, size, this.#size);
    this.#size = size;
  }

  get content(): Buffer {
    return this.#bytes.subarray(0, this.#size);
  }
}

interface Wreck {
  readonly path: string;
  readonly flushed: number;
}

/**
 * The file that is left when everything stops before event `at`.
 * @param certain whether what had ended must be there, and not only what had reached the device
 */
function wreck(events: readonly Event[], at: number, certain: boolean, dice: () => number): Wreck {
  const before = events.slice(0, at);
  const synced = Math.max(0, ...before.map((event) => (event.kind === 'sync' ? event.began : 0)));
  const ended = new Set(before.flatMap((event, i) => (event.kind === 'done' && (certain || i < synced) ? [event.id] : [])));
  const image = new Image();
  const uncertain: Event[] = [];
  for (const event of before) {
    if (event.kind !== 'write' && event.kind !== 'truncate') continue;
    if (ended.has(event.id)) image.apply(event);
    else uncertain.push(event);
  }
  // In any order, and the superblock, which is smaller than a sector, whole or not at all.
  for (const event of uncertain.sort(() => dice() - 0.5)) {
    const share = [0, dice(), 1][Math.floor(dice() * 3)] ?? 1;
    image.apply(event, event.kind === 'write' && event.bytes.length < 512 ? Math.round(share) : share);
  }
  const path = scratch.path('.wreck');
  writeFileSync(path, image.content);
  const flushed = Math.max(0, ...before.flatMap((event) => (event.kind === 'mark' ? [event.value] : [])));
  return { path, flushed };
}

describeWith(['h5py'], 'what is left of a file', () => {
  const recorded = new Map<Durability, readonly Event[]>();
  beforeAll(async () => {
    for (const durability of ['process', 'power'] as const) recorded.set(durability, await record(durability));
  });

  it.each([
    ['when the process dies', 'process', true],
    ['when the power goes', 'power', false],
  ] as const)('%s opens as of the last flush that resolved, all values right', (_, durability, certain) => {
    const events = recorded.get(durability) ?? [];
    const first = events.findIndex((event) => event.kind === 'mark');
    const dice = random(7);
    // Each moment at which the superblock is under way, and others.
    const moments = events.flatMap((event, i) => {
      const isSuperblock = event.kind === 'write' && event.address === 0 && event.bytes.length === 48;
      return i > first && (isSuperblock || dice() < 0.15) ? [i, i + 1] : [];
    });
    const wrecks = moments.map((at) => wreck(events, at, certain, dice));
    expect(wrecks.length).toBeGreaterThan(60);
    const seen = readAll(wrecks.map(({ path }) => path));
    wrecks.forEach(({ flushed }, i) => {
      expectSurvived(seen[i] ?? {}, flushed);
    });
    // The last ones had most of the steps behind them.
    expect(wrecks.at(-1)?.flushed).toBeGreaterThan(steps / 2);
  });

  it('has never been cut below what was written and still belongs to it', () => {
    for (const events of recorded.values()) {
      let end = 0;
      const last = events.findLastIndex((event) => event.kind === 'truncate');
      events.forEach((event, i) => {
        // At the end, close takes off what no commit refers to.
        if (event.kind === 'truncate' && i < last) expect(event.size).toBeGreaterThanOrEqual(end);
        if (event.kind === 'write') end = Math.max(end, event.address + event.bytes.length);
      });
    }
  });
});
