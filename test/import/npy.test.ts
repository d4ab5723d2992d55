import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync, crc32 } from 'node:zlib';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { type Dataset, H5File } from '../../lib/hdf5/index.js';
import { boxesOf, evenChunk, nested, rowChunk, rowMajor, runsOf } from '../../lib/import/array-boxes.js';
import { type ImportOptions, type ImportReport, importFiles } from '../../lib/import/index.js';
import { parsedHeader } from '../../lib/import/npy-header.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { failureOf } from './failure.js';

const scratch = scratchFolder();
let output = '';

beforeEach(() => {
  output = scratch.path();
});

/** An .npy file as numpy writes it. @param descr a Python literal */
function npy(descr: string, shape: string, data: Uint8Array, { version = 1, fortran = 'False' } = {}): Buffer {
  const text = `{'descr': ${descr}, 'fortran_order': ${fortran}, 'shape': ${shape}, }`;
  const fixed = version === 1 ? 10 : 12;
  const header = Buffer.from(text.padEnd(Math.ceil((text.length + fixed + 1) / 64) * 64 - fixed - 1) + '\n', version === 3 ? 'utf8' : 'latin1');
  const length = Buffer.alloc(fixed - 8);
  length.writeUIntLE(header.length, 0, fixed - 8);
  return Buffer.concat([Buffer.from('\x93NUMPY', 'latin1'), Buffer.from([version, 0]), length, header, data]);
}

interface ZipMember {
  readonly name: string;
  readonly content: Buffer;
  readonly method?: number;
  readonly flags?: number;
  readonly crc?: number;
}

/** A zip archive as small as one can be. */
function zip(members: readonly ZipMember[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, method = 0, flags = 0, crc = crc32(content) } of members) {
    const data = method === 8 ? deflateRawSync(content) : content;
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(flags, 2);
    shared.writeUInt16LE(method, 4);
    shared.writeUInt32LE(crc, 10);
    shared.writeUInt32LE(data.length, 14);
    shared.writeUInt32LE(content.length, 18);
    shared.writeUInt16LE(name.length, 22);
    parts.push(Buffer.from('PK\x03\x04', 'latin1'), shared, Buffer.from(name), data);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), shared, place, Buffer.from(name));
    offset += 30 + name.length + data.length;
  }
  const end = Buffer.alloc(18);
  end.writeUInt16LE(members.length, 4);
  end.writeUInt16LE(members.length, 6);
  end.writeUInt32LE(Buffer.concat(directory).length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, ...directory, Buffer.from('PK\x05\x06', 'latin1'), end]);
}

const failure = (name: string, content: Buffer, options?: ImportOptions): Promise<FreestoneError> => failureOf(join(scratch.folder, name), content, output, options);

async function imported(name: string, content: Buffer, options: ImportOptions = {}): Promise<ImportReport> {
  writeFileSync(join(scratch.folder, name), content);
  return importFiles([join(scratch.folder, name)], output, options);
}

const doubles = (...values: number[]): Buffer => Buffer.from(new Float64Array(values).buffer);

describe('.npy becomes a dataset', () => {
  it('named after the file, or as the user says, with what is noted of it', async () => {
    const content = npy("'<f8'", '(2, 1)', doubles(1.5, 2.5));
    expect(await imported('a b.npy', content)).toMatchObject({ tables: [], arrays: [{ format: 'npy', path: '/a b', shape: [2, 1], dtype: 'float64' }], rows: 0, warnings: [] });
    output = scratch.path();
    expect((await imported('a b.npy', content, { group: 'g/h', name: 'n' })).arrays[0]?.path).toBe('/g/h/n');
    await using file = await H5File.open(output);
    const dataset = file.root.get('g/h/n') as Dataset;
    expect(await dataset.read()).toEqual(new Float64Array([1.5, 2.5]));
    expect(dataset.attrs.get('source')).toBe('a b.npy');
  });

  it('of the second array in the file nothing is taken, and that is said', async () => {
    const one = npy("'<f8'", '(1,)', doubles(1));
    const report = await imported('two.npy', Buffer.concat([one, one]));
    expect(report.warnings).toEqual([`${join(scratch.folder, 'two.npy')}: 136 bytes behind the array are left out`]);
  });

  it('headers as old and other versions of numpy write them are read', async () => {
    for (const [version, descr, shape] of [[1, "'<f8'", '(1L,)'], [2, '"<f8"', '(1,)'], [3, "'=f8'", '[1]']] as const) {
      output = scratch.path();
      const report = await imported('old.npy', npy(descr, shape, doubles(1), { version }));
      expect(report.arrays[0]).toMatchObject({ shape: [1], dtype: 'float64' });
    }
  });
});

const big = (value: string): string => `(${value}, ${value}, ${value})`;

describe('a bad .npy is refused, and leaves nothing behind', () => {
  it.each<[string, Buffer, string, RegExp]>([
    ['an empty file', Buffer.alloc(0), 'ERR_CORRUPT_FILE', /does not begin as an \.npy file does/],
    ['another file', Buffer.from('a,b\n1,2\n3,4,5,6,7'), 'ERR_CORRUPT_FILE', /does not begin as an \.npy file does/],
    ['a later version', npy("'<f8'", '(1,)', doubles(1), { version: 4 }), 'ERR_UNSUPPORTED', /version 4\.0 of \.npy is not known/],
    ['a file cut within its header', npy("'<f8'", '(1,)', doubles(1)).subarray(0, 40), 'ERR_CORRUPT_FILE', /ends within its header/],
    ['a file cut within its length', npy("'<f8'", '(1,)', doubles(1), { version: 2 }).subarray(0, 11), 'ERR_CORRUPT_FILE', /ends within its header/],
    ['a file cut within its data', npy("'<f8'", '(3,)', doubles(1, 2)), 'ERR_CORRUPT_FILE', /16 bytes of data where its shape \[3\] needs 24/],
    ['a shape beyond all memory', npy("'<f8'", big('4611686018427387904'), doubles(1)), 'ERR_CORRUPT_FILE', /its shape is not made of sizes/],
    ['a product beyond all memory', npy("'<f8'", big('9007199254740991'), doubles(1)), 'ERR_CORRUPT_FILE', /needs/],
    ['a negative shape', npy("'<f8'", '(-1,)', doubles(1)), 'ERR_CORRUPT_FILE', /its shape is not made of sizes/],
    ['too many dimensions', npy("'<f8'", `(${'1,'.repeat(33)})`, doubles(1)), 'ERR_UNSUPPORTED', /32 dimensions at the most, not 33/],
    ['a header that is no dictionary', npy("'<f8", '(1,)', doubles(1)), 'ERR_CORRUPT_FILE', /its header is no Python dictionary/],
    ['a header that calls', npy("__import__('os')", '(1,)', doubles(1)), 'ERR_CORRUPT_FILE', /its header is no Python dictionary/],
    ['no order', npy("'<f8'", '(1,)', doubles(1), { fortran: '0' }), 'ERR_CORRUPT_FILE', /lacks descr, fortran_order or shape/],
    ['objects', npy("'|O'", '(1,)', doubles(1)), 'ERR_UNSUPPORTED', /its elements are Python objects, which only Python can read \(pickle\)/],
    ['objects in a structure', npy("[('a', '<i4'), ('b', '|O')]", '(1,)', doubles(1, 2)), 'ERR_UNSUPPORTED', /pickle/],
    ['bytes without a meaning', npy("'|V8'", '(1,)', doubles(1)), 'ERR_UNSUPPORTED', /bytes without a meaning/],
    ['long doubles', npy("'<f16'", '(1,)', doubles(1, 2)), 'ERR_UNSUPPORTED', /its type <f16 cannot be stored/],
    ['times without a unit', npy("'<M8'", '(1,)', doubles(1)), 'ERR_UNSUPPORTED', /times in no unit cannot be stored/],
    ['times in months', npy("'<M8[M]'", '(1,)', doubles(1)), 'ERR_UNSUPPORTED', /times in \[M\] cannot be stored; astype\('M8\[ns\]'\)/],
    ['times in dozens', npy("'<M8[12h]'", '(1,)', doubles(1)), 'ERR_UNSUPPORTED', /times in \[12h\] cannot be stored/],
    ['a type that is none', npy("'hello'", '(1,)', doubles(1)), 'ERR_CORRUPT_FILE', /its type "hello" is none/],
    ['a structure that is none', npy("[('a',)]", '(1,)', doubles(1)), 'ERR_CORRUPT_FILE', /its type is none/],
    ['an element beyond all memory', npy("'<U9007199254740991'", '(0,)', doubles(1)), 'ERR_CORRUPT_FILE', /its elements are too large/],
    ['bytes that are no text', npy("'|S2'", '(3,)', Buffer.from('abcd\xff\xfe', 'latin1')), 'ERR_UNSUPPORTED', /element 2: bytes that are not UTF-8/],
    ['a character that is none', npy("'<U1'", '(2,)', Buffer.from('61000000ffff1100', 'hex')), 'ERR_CORRUPT_FILE', /element 1: 0x11ffff is no character/],
    ['a structure of arrays in one compound', npy("[('a', '<i4', (2,))]", '(1,)', doubles(1)), 'ERR_UNSUPPORTED', /column "a" holds arrays/],
  ])('%s', async (_, content, code, message) => {
    const error = await failure('bad.npy', content, { as: 'table' });
    expect(error.message).toMatch(message);
    expect(error).toMatchObject({ code, file: join(scratch.folder, 'bad.npy') });
  });

  it('whatever becomes of its bytes, it is a file or a FreestoneError', async () => {
    const whole = npy("[('a', '<i4'), ('b', 'S3', (2,)), ('c', [('d', '>f2')])]", '(2, 1)', Buffer.alloc(24, 1), { fortran: 'True' });
    let failures = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.oneof(fc.constantFrom(...Buffer.from(`'"(),[]<>|=-09TFL: \\`)), fc.nat(255)), fc.boolean(), async (at, byte, cut) => {
        const changed = Buffer.from(cut ? whole.subarray(0, at) : whole);
        if (!cut) changed[at] = byte;
        writeFileSync(join(scratch.folder, 'any.npy'), changed);
        await importFiles([join(scratch.folder, 'any.npy')], join(scratch.folder, 'any.h5'), { overwrite: true }).catch((error: unknown) => {
          failures++;
          expect(error).toBeInstanceOf(FreestoneError);
        });
      }),
      { numRuns: 400 },
    );
    expect(failures).toBeGreaterThan(50);
  });

  it('any text for a header is one or a FreestoneError', () => {
    const piece = fc.constantFrom('{', '}', '(', ')', '[', ']', ',', ':', "'descr'", "'shape'", "'fortran_order'", 'True', 'False', 'None', '1', '-3L', "'<f8'", '"', "'", '\\', ' ', 'x');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        try {
          parsedHeader({ name: 'x' }, pieces.join(''));
        } catch (error) {
          expect(error).toMatchObject({ name: 'FreestoneError', code: 'ERR_CORRUPT_FILE' });
        }
      }),
      { numRuns: 5000 },
    );
  });
});

const small = npy("'<f8'", '(2,)', doubles(1, 2));

describe('.npz', () => {
  it.each([0, 8])('has a dataset for each member, of method %i, and names that HDF5 can have', async (method) => {
    const report = await imported('some.npz', zip([{ name: 'a.npy', content: small, method }, { name: 'b/c.npy', content: small, method }]));
    expect(report).toMatchObject({ arrays: [{ path: '/a', shape: [2] }, { path: '/b_c', shape: [2] }], warnings: [expect.stringMatching(/member "b\/c" is stored as "b_c"/)] });
    await using file = await H5File.open(output);
    expect(await (file.root.get('b_c') as Dataset).read()).toEqual(new Float64Array([1, 2]));
  });

  it('is put into a group of its own beside another input', async () => {
    writeFileSync(join(scratch.folder, 'one.npy'), small);
    writeFileSync(join(scratch.folder, 'some.npz'), zip([{ name: 'a.npy', content: small, method: 8 }]));
    const report = await importFiles([join(scratch.folder, 'some.npz'), join(scratch.folder, 'one.npy')], output);
    expect(report.arrays.map(({ path }) => path)).toEqual(['/some/a', '/one']);
  });

  it.each<[string, Buffer, string, RegExp]>([
    ['a file that is no archive', Buffer.from('PK but no zip'), 'ERR_CORRUPT_FILE', /it is no whole zip archive/],
    ['an archive cut short', zip([{ name: 'a.npy', content: small }]).subarray(0, 150), 'ERR_CORRUPT_FILE', /it is no whole zip archive/],
    ['an empty archive', zip([]), 'ERR_CORRUPT_FILE', /it has no members/],
    ['another member', zip([{ name: 'a.npy', content: small }, { name: 'a.txt', content: small }]), 'ERR_UNSUPPORTED', /its member "a\.txt" is no \.npy/],
    ['a wrong checksum', zip([{ name: 'a.npy', content: small, crc: 1 }]), 'ERR_CORRUPT_FILE', /the checksum of its member "a\.npy" is wrong/],
    ['a wrong checksum of what is compressed', zip([{ name: 'a.npy', content: small, crc: 1, method: 8 }]), 'ERR_CORRUPT_FILE', /the checksum of its member "a\.npy" is wrong/],
    ['another compression', zip([{ name: 'a.npy', content: small, method: 14 }]), 'ERR_UNSUPPORTED', /its member "a\.npy" is compressed by method 14/],
    ['a member that is encrypted', zip([{ name: 'a.npy', content: small, flags: 1, method: 8 }]), 'ERR_UNSUPPORTED', /its member "a\.npy" is encrypted/],
    ['objects', zip([{ name: 'a.npy', content: small }, { name: 'b.npy', content: npy("'|O'", '(1,)', doubles(1)) }]), 'ERR_UNSUPPORTED', /bad\.npz: b\.npy: its elements are Python objects/],
    ['objects, compressed', zip([{ name: 'b.npy', content: npy("'|O'", '(1,)', doubles(1)), method: 8 }]), 'ERR_UNSUPPORTED', /bad\.npz: b\.npy: its elements are Python objects/],
    ['a member that is cut short', zip([{ name: 'b.npy', content: small.subarray(0, 130), method: 8 }]), 'ERR_CORRUPT_FILE', /bad\.npz: b\.npy: it has 2 bytes of data/],
  ])('%s is refused, and leaves nothing behind', async (_, content, code, message) => {
    const error = await failure('bad.npz', content);
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
  });
});

describe('the boxes of an array', () => {
  const shapes = fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 1, maxLength: 4 });

  it('cover each element once, in runs that lie in them, within the budget', () => {
    fc.assert(
      fc.property(shapes, fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 4, maxLength: 4 }), fc.integer({ min: 1, max: 300 }), (shape, units, budget) => {
        const seen = new Uint8Array(shape.reduce((all, extent) => all * extent, 1));
        const smallest = shape.reduce((all, extent, d) => all * Math.min(extent, units[d] ?? 1), 1);
        for (const box of boxesOf(shape, units, 1, budget)) {
          const size = box.count.reduce((all, extent) => all * extent, 1);
          expect(size).toBeLessThanOrEqual(Math.max(budget, smallest));
          let covered = 0;
          for (const { at, length } of runsOf(shape, box)) {
            covered += length;
            for (let i = at; i < at + length; i++) seen[i] = (seen[i] ?? 0) + 1;
          }
          expect(covered).toBe(size);
        }
        expect(seen.every((times) => times === 1)).toBe(true);
      }),
    );
  });

  it('are turned from one order into the other', () => {
    // Element [i, j, k] of a box of 2 x 3 x 2 is the byte 100 i + 10 j + k.
    const across = Uint8Array.from([0, 100, 10, 110, 20, 120, 1, 101, 11, 111, 21, 121]);
    expect([...rowMajor(across, [2, 3, 2], 1)]).toEqual([0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121]);
    expect(nested([...rowMajor(across, [2, 3, 2], 1)], [2, 3, 2])).toEqual([[[0, 1], [10, 11], [20, 21]], [[100, 101], [110, 111], [120, 121]]]);
  });

  it('come of chunks of about the size that is asked for', () => {
    expect(rowChunk([1000, 1000], 8, 65536)).toEqual([8, 1000]);
    expect(rowChunk([3, 1_000_000], 8, 65536)).toEqual([1, 7813]);
    expect(evenChunk([1000, 1000], 8, 65536)).toEqual([63, 125]);
    expect(evenChunk([1_000_000, 2], 8, 65536)).toEqual([3907, 2]);
  });
});
