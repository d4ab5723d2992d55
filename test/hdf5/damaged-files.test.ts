// Whole files with bytes changed, cut or added, also such that every checksum is right again: what is opened and walked is an
// error that says so or a result, in bounded time, and never the end of the process.
import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { lookup3 } from '../../lib/hdf5/format/checksum.js';
import { Group, H5File, fletcher32, gzip, shuffle, t, type FileExtent } from '../../lib/hdf5/index.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();
const effort = Number(process.env['FREESTONE_EFFORT'] ?? 1);
let whole: Buffer;
let extents: readonly FileExtent[];

beforeAll(async () => {
  const path = scratch.path();
  {
    await using file = await H5File.create(path);
    const { root } = file;
    root.attrs.set('text', 'a text of some length');
    root.attrs.set('numbers', [1, 2, 3]);
    root.attrs.set('row', { a: 1, b: 'ü' }, { dtype: t.compound({ a: 'int8', b: 'string' }) });
    root.attrs.set('colour', 'RED', { dtype: t.enum({ RED: 1, BLUE: 7 }, 'int16') });
    root.attrs.set('fixed', 'abc', { dtype: t.string(5, { pad: 'space' }) });
    await root.createDataset('g/h/contiguous', { data: new Float32Array(50) });
    await root.createDataset('g/chunked', { data: Int16Array.from({ length: 3000 }, (_, i) => i), shape: [60, 50], chunks: [3, 7], maxShape: [null, 50], filters: [shuffle(), gzip(), fletcher32()], fill: -1 });
    await root.createDataset('g/texts', { data: ['one', 'two', ''], chunks: [2], maxShape: [null] });
    await root.createDataset('complex', { dtype: 'complex64', data: [[1, 2], [3, 4]] });
    await root.createDataset('scalar', { data: true });
  }
  whole = readFileSync(path);
  await using file = await H5File.open(path);
  extents = file.map();
});

/** Looks at all that can be looked at. @returns how much there was */
async function lookAt(path: string): Promise<number> {
  const allowed = ['ERR_CORRUPT_FILE', 'ERR_UNSUPPORTED', 'ERR_NOT_FOUND'];
  let seen = 0;
  const attempt = <T>(look: () => T): T | undefined => {
    try {
      const value = look();
      seen += 1;
      return value;
    } catch (error) {
      if (!(error instanceof FreestoneError)) throw error;
      expect(allowed).toContain(error.code);
      return undefined;
    }
  };
  let file: H5File;
  try {
    file = await H5File.open(path);
  } catch (error) {
    if (!(error instanceof FreestoneError)) throw error;
    expect(allowed).toContain(error.code);
    return 0;
  }
  const walk = (group: Group, depth: number): void => {
    for (const name of group.attrs.keys()) {
      attempt(() => group.attrs.get(name));
      attempt(() => group.attrs.describe(name));
    }
    // A link that leads back up leads on for ever.
    if (depth > 6) return;
    for (const name of group.keys()) {
      attempt(() => group.has(name));
      const child = attempt(() => group.get(name));
      if (child instanceof Group) walk(child, depth + 1);
      else if (child !== undefined) {
        attempt(() => [child.shape, child.maxShape, child.dtype.name, child.dtype.size, child.chunkShape, child.filters, child.storageSize]);
        for (const attribute of child.attrs.keys()) attempt(() => child.attrs.get(attribute));
      }
    }
  };
  try {
    walk(file.root, 0);
    attempt(() => file.map());
  } finally {
    await file.close();
  }
  return seen;
}

/** Puts the checksums right that are at the end of the superblock and of each object header. */
function resealed(bytes: Buffer): Buffer {
  for (const { offset, size, kind } of extents) {
    const end = offset + size - 4;
    if ((kind === 'superblock' || kind === 'header') && end + 4 <= bytes.length) bytes.writeUInt32LE(lookup3(bytes, offset, end), end);
  }
  return bytes;
}

const path = scratch.path('.damaged');
async function lookAtBytes(bytes: Buffer): Promise<number> {
  writeFileSync(path, bytes);
  const before = process.cpuUsage();
  const seen = await lookAt(path);
  // A hundred times of what a whole file takes, and not of the clock, so that a slow or busy machine does not fail it.
  expect(process.cpuUsage(before).user).toBeLessThan(20e6);
  return seen;
}

const telling = fc.constantFrom(0, 1, 2, 3, 4, 8, 9, 16, 17, 32, 127, 128, 254, 255);
const patches = fc.array(
  fc.record({ at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), bytes: fc.array(fc.oneof(telling, fc.nat({ max: 255 })), { minLength: 1, maxLength: 8 }) }),
  { minLength: 1, maxLength: 5 },
);

describe('a damaged file', () => {
  it('that is whole is seen whole', async () => {
    expect(await lookAtBytes(whole)).toBeGreaterThan(20);
  });

  it('with some bytes changed anywhere is refused or read', async () => {
    await fc.assert(
      fc.asyncProperty(patches, async (list) => {
        const bytes = Buffer.from(whole);
        for (const patch of list) bytes.set(patch.bytes.slice(0, 1 + bytes.length - 8), Math.floor(patch.at * (bytes.length - 8)));
        await lookAtBytes(bytes);
      }),
      { numRuns: 300 * effort },
    );
  });

  it('with bytes changed in its metadata and the checksums put right is refused or read', async () => {
    let changed = 0;
    const metadata = extents.filter(({ kind }) => kind === 'header' || kind === 'superblock' || kind === 'index' || kind === 'heap');
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: metadata.length - 1 }), patches, async (which, list) => {
        const { offset, size } = metadata[which] ?? { offset: 0, size: 48 };
        const bytes = Buffer.from(whole);
        for (const patch of list) {
          const at = offset + Math.floor(patch.at * Math.min(size, 400));
          bytes.set(patch.bytes.slice(0, Math.max(0, Math.min(patch.bytes.length, offset + size - at))), at);
        }
        if ((await lookAtBytes(resealed(bytes))) > 0) changed += 1;
      }),
      { numRuns: 1000 * effort },
    );
    // It got behind the checksums.
    expect(changed).toBeGreaterThan(500);
  }, 120_000 * effort);

  it('that is cut off anywhere is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: whole.length - 1 }), async (length) => {
        writeFileSync(path, whole.subarray(0, length));
        await expect(H5File.open(path)).rejects.toMatchObject({ code: 'ERR_CORRUPT_FILE' });
      }),
      { numRuns: 100 },
    );
  });

  it('that goes on behind its end is read', async () => {
    expect(await lookAtBytes(Buffer.concat([whole, Buffer.alloc(5000, 0x47)]))).toBeGreaterThan(20);
  });

  it('whose structures stand in each other’s places is refused or read', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: extents.length - 1 }), fc.nat({ max: extents.length - 1 }), async (from, to) => {
        const [source, target] = [extents[from], extents[to]];
        if (source === undefined || target === undefined) return;
        const bytes = Buffer.from(whole);
        whole.copy(bytes, target.offset, source.offset, source.offset + Math.min(source.size, target.size));
        await lookAtBytes(bytes);
      }),
      { numRuns: 200 },
    );
  });

  it('whose headers lead to each other is walked only so far', async () => {
    // Every address in a header that is one of another header's becomes the root's.
    const headers = extents.filter(({ kind }) => kind === 'header');
    const { offset: root } = headers.find(({ owner }) => owner === '/') ?? { offset: 48 };
    const bytes = Buffer.from(whole);
    for (const { offset, size } of headers) {
      for (let at = offset; at + 8 <= offset + size; at += 1) {
        if (headers.some((header) => header.owner !== '/' && bytes.readBigUInt64LE(at) === BigInt(header.offset))) bytes.writeBigUInt64LE(BigInt(root), at);
      }
    }
    expect(await lookAtBytes(resealed(bytes))).toBeGreaterThan(20);
  });
});
