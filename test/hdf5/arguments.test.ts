// What a caller should not pass. Each public function refuses it with a code, and nothing has changed.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { bitshuffle, fletcher32, gzip, H5File, lz4, nbit, scaleOffset, szip, t, zstd, type Dataset, type Group } from '../../lib/hdf5/index.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();

/** What a test passes where TypeScript would not let it. */
const wrong = (value: unknown): never => value as never;

let file: H5File;
let root: Group;
let x: Dataset;
let scalar: Dataset;
let names: Dataset;

beforeAll(async () => {
  file = await H5File.create(scratch.path());
  root = file.root;
  x = await root.createDataset('x', { data: new Float64Array(6), shape: [2, 3], maxShape: [4, 3], chunks: [2, 2] });
  scalar = await root.createDataset('scalar', { data: 1 });
  names = await root.createDataset('names', { data: ['a', 'b'], maxShape: [null] });
  root.attrs.set('a', 1);
});

afterAll(async () => {
  // Nothing that was refused is left.
  expect([...root.keys()]).toEqual(['x', 'scalar', 'names', 'fixed']);
  expect([...root.attrs.keys()]).toEqual(['a']);
  expect([x.shape, scalar.shape, names.shape]).toEqual([[2, 3], [], [2]]);
  await file.close();
});

/** The error of a call, whether it throws or rejects. */
async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  return undefined;
}

async function expectCode(call: () => unknown, code: string): Promise<void> {
  const error = await errorOf(call);
  expect(error).toBeInstanceOf(FreestoneError);
  expect((error as FreestoneError).code).toBe(code);
  expect((error as FreestoneError).message).not.toBe('');
}

const ARGUMENT = 'ERR_INVALID_ARGUMENT';
const SIZE = 'ERR_INVALID_SIZE';
const TYPE = 'ERR_TYPE_MISMATCH';
const UNSUPPORTED = 'ERR_UNSUPPORTED';

const cyclic: unknown[] = [];
cyclic.push(cyclic);
const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);

describe('H5File.create refuses', () => {
  it.each<[string, unknown, unknown, string]>([
    ['no path', undefined, {}, ARGUMENT],
    ['a number as path', 5, {}, ARGUMENT],
    ['an empty path', '', {}, ARGUMENT],
    ['a path with NUL', 'a\0b', {}, ARGUMENT],
    ['null as options', 'PATH', null, ARGUMENT],
    ['an option that there is not', 'PATH', { overwite: true }, ARGUMENT],
    ['a compat that there is not yet', 'PATH', { compat: 'v110' }, UNSUPPORTED],
    ['a durability that there is not', 'PATH', { durability: 'eternal' }, ARGUMENT],
    ['0 threads', 'PATH', { threads: 0 }, ARGUMENT],
    ['half a thread', 'PATH', { threads: 1.5 }, ARGUMENT],
    ['threads in words', 'PATH', { threads: 'two' }, ARGUMENT],
    ['an overwrite that is neither true nor false', 'PATH', { overwrite: 'yes' }, ARGUMENT],
  ])('%s', async (_, path, options, code) => {
    const place = path === 'PATH' ? scratch.path() : path;
    await expectCode(() => H5File.create(wrong(place), wrong(options)), code);
    if (path === 'PATH') expect(existsSync(String(place))).toBe(false);
  });
});

describe('H5File.open refuses', () => {
  it.each<[string, unknown, unknown, string]>([
    ['no path', undefined, 'r', ARGUMENT],
    ['a mode that there is not yet', 'path', 'r+', UNSUPPORTED],
    ['a mode that is no text', 'path', 7, UNSUPPORTED],
  ])('%s', async (_, path, mode, code) => {
    await expectCode(() => H5File.open(wrong(path), wrong(mode)), code);
  });

  it.each([
    ['an empty file', Buffer.alloc(0)],
    ['a short file', Buffer.from('\x89HDF\r\n\x1a\n', 'latin1')],
    ['a text', Buffer.from('not an HDF5 file, but longer than a superblock, so that it is read')],
  ])('%s as corrupt, by name', async (_, content) => {
    const path = scratch.path('.other');
    writeFileSync(path, content);
    const error = await errorOf(() => H5File.open(path));
    expect(error).toMatchObject({ code: 'ERR_CORRUPT_FILE', path });
    expect((error as Error).message).toContain(path);
  });
});

describe('createGroup refuses', () => {
  it.each<[string, unknown, string]>([
    ['no path', undefined, ARGUMENT],
    ['a number', 5, ARGUMENT],
    ['an empty path', '', ARGUMENT],
    ['a name with NUL', 'a\0', ARGUMENT],
    ['itself', '/', 'ERR_EXISTS'],
    ['itself by a dot', '.', 'ERR_EXISTS'],
    ['a name that is there', 'x', 'ERR_EXISTS'],
    ['a name that is there, from the root', '/x', 'ERR_EXISTS'],
    ['a path through a dataset', 'x/y', TYPE],
    ['a name that no header can hold', 'n'.repeat(65_536), SIZE],
    ['a name with half a character', 'half \ud800', ARGUMENT],
    ['thousands of groups in each other', 'a/'.repeat(5000), 'ERR_LIMIT_EXCEEDED'],
    ['such a name along the path', `new/${'n'.repeat(65_536)}/y`, SIZE],
  ])('%s', async (_, path, code) => {
    await expectCode(() => root.createGroup(wrong(path)), code);
    await expectCode(() => root.createDataset(wrong(path), { data: [1] }), code);
  });
});

describe('get and has', () => {
  it.each<[string, unknown]>([['no path', undefined], ['a number', 5], ['an empty path', ''], ['null', null]])('refuse %s', async (_, path) => {
    await expectCode(() => root.get(wrong(path)), ARGUMENT);
    await expectCode(() => root.has(wrong(path)), ARGUMENT);
  });

  it('say that what is not there is not there', async () => {
    await expectCode(() => root.get('nothing'), 'ERR_NOT_FOUND');
    await expectCode(() => root.get('x/below'), 'ERR_NOT_FOUND');
    expect(root.has('nothing')).toBe(false);
    expect(root.has('x/below')).toBe(false);
    expect(root.has('/x')).toBe(true);
    expect(root.get('./x')).toBe(x);
  });
});

describe('createDataset refuses', () => {
  it.each<[string, unknown, string]>([
    ['no spec', undefined, ARGUMENT],
    ['null as spec', null, ARGUMENT],
    ['an option that there is not', { data: [1], chunk: [1] }, ARGUMENT],
    ['neither dtype nor data', { shape: [2] }, ARGUMENT],
    ['neither shape nor data', { dtype: 'int8' }, ARGUMENT],
    ['a dtype that there is not', { dtype: 'int12', shape: [2] }, ARGUMENT],
    ['big-endian bytes', { dtype: 'int8be', shape: [2] }, ARGUMENT],
    ['null as dtype', { dtype: null, shape: [2] }, ARGUMENT],
    ['an object as dtype that t did not make', { dtype: { name: 'int8', size: 1 }, shape: [2] }, ARGUMENT],
    ['a number as shape', { dtype: 'int8', shape: 5 }, ARGUMENT],
    ['a negative extent', { dtype: 'int8', shape: [-1] }, ARGUMENT],
    ['half an extent', { dtype: 'int8', shape: [1.5] }, ARGUMENT],
    ['an extent beyond 2^53', { dtype: 'int8', shape: [2 ** 53] }, ARGUMENT],
    ['an extent beyond 2^53 as a bigint', { dtype: 'int8', shape: [2n ** 63n] }, ARGUMENT],
    ['an extent in words', { dtype: 'int8', shape: ['3'] }, ARGUMENT],
    ['33 dimensions', { dtype: 'int8', shape: Array(33).fill(1) }, ARGUMENT],
    ['more bytes than 2^53', { dtype: 'float64', shape: [2 ** 27, 2 ** 27] }, SIZE],
    ['a maxShape below the shape', { dtype: 'int8', shape: [5], maxShape: [4] }, ARGUMENT],
    ['a maxShape of another rank', { dtype: 'int8', shape: [5], maxShape: [5, 5] }, ARGUMENT],
    ['a number as maxShape', { dtype: 'int8', shape: [5], maxShape: 5 }, ARGUMENT],
    ['a chunk of 0', { dtype: 'int8', shape: [5], chunks: [0] }, SIZE],
    ['a chunk larger than the dataset can be', { dtype: 'int8', shape: [5], chunks: [6] }, SIZE],
    ['a chunk of another rank', { dtype: 'int8', shape: [5], chunks: [1, 1] }, ARGUMENT],
    ['a chunk of 4 GiB', { dtype: 'int8', shape: [2 ** 33], chunks: [2 ** 32] }, SIZE],
    ['a chunk of 4 GiB in several dimensions', { dtype: 'float64', shape: [2 ** 16, 2 ** 16], chunks: [2 ** 15, 2 ** 14] }, SIZE],
    ['false as chunks', { dtype: 'int8', shape: [5], chunks: false }, ARGUMENT],
    ['chunks of a scalar', { dtype: 'int8', shape: [], chunks: [] }, ARGUMENT],
    ['filters of a scalar', { dtype: 'int8', shape: [], filters: [gzip()] }, ARGUMENT],
    ['one filter without a list', { dtype: 'int8', shape: [5], filters: gzip() }, ARGUMENT],
    ['a filter by name', { dtype: 'int8', shape: [5], filters: ['gzip'] }, UNSUPPORTED],
    ['null as a filter', { dtype: 'int8', shape: [5], filters: [null] }, UNSUPPORTED],
    ['a filter that there is not', { dtype: 'int8', shape: [5], filters: [{ name: 'blosc' }] }, UNSUPPORTED],
    ['a gzip level of 10', { dtype: 'int8', shape: [5], filters: [{ name: 'gzip', level: 10 }] }, ARGUMENT],
    ['a filter twice', { dtype: 'int8', shape: [5], filters: [gzip(), gzip()] }, ARGUMENT],
    ['text to scale', { dtype: t.string(4), shape: [5], filters: [scaleOffset()] }, UNSUPPORTED],
    ['half floats to scale', { dtype: 'float16', shape: [5], filters: [scaleOffset({ digits: 1 })] }, UNSUPPORTED],
    ['floats to scale without digits', { dtype: 'float64', shape: [5], filters: [scaleOffset()] }, ARGUMENT],
    ['integers to scale with digits', { dtype: 'int32', shape: [5], filters: [scaleOffset({ digits: 1 })] }, ARGUMENT],
    ['more bits than the type has', { dtype: 'int8', shape: [5], filters: [scaleOffset({ bits: 9 })] }, ARGUMENT],
    ['compounds for szip', { dtype: t.compound({ a: 'int8' }), shape: [50], filters: [szip()] }, UNSUPPORTED],
    ['chunks too small for szip', { dtype: 'int8', shape: [50], chunks: [7], filters: [szip()] }, ARGUMENT],
    ['variable-length texts for nbit', { dtype: 'string', shape: [5], filters: [nbit()] }, UNSUPPORTED],
    ['elements too large for bitshuffle', { dtype: t.string(2 ** 24), shape: [1], filters: [bitshuffle()] }, UNSUPPORTED],
    ['nbit after a compressor', { dtype: 'int8', shape: [5], filters: [gzip(), nbit()] }, ARGUMENT],
    ['szip after what bitshuffle has compressed', { dtype: 'int16', shape: [50], filters: [bitshuffle({ compressor: 'lz4' }), szip()] }, ARGUMENT],
    ['szip after a checksum', { dtype: 'int8', shape: [50], filters: [fletcher32(), szip()] }, ARGUMENT],
    ['a level of zstd that there is not, by hand', { dtype: 'int8', shape: [5], filters: [{ name: 'zstd', level: 23 }] }, ARGUMENT],
    ['a checksum over variable-length elements', { dtype: 'string', shape: [5], filters: [fletcher32()] }, UNSUPPORTED],
    ['a fill value of another type', { dtype: 'int8', shape: [5], fill: 'x' }, TYPE],
    ['a fill value that does not fit', { dtype: 'int8', shape: [5], fill: 128 }, TYPE],
    ['null as a fill value', { dtype: 'int8', shape: [5], fill: null }, TYPE],
    ['a fill value for variable-length texts', { dtype: 'string', shape: [5], fill: 'x' }, UNSUPPORTED],
    ['a fill value that no header can hold', { dtype: t.string(70_000), shape: [2], fill: 'x' }, SIZE],
    ['data of another size', { shape: [5], data: [1, 2] }, SIZE],
    ['data of another shape', { shape: [2, 2], data: [1, 2, 3, 4] }, SIZE],
    ['ragged data', { data: [[1, 2], [3]] }, SIZE],
    ['data with a hole in its nesting', { data: [[1, 2], 3] }, SIZE],
    ['null as data', { data: null }, ARGUMENT],
    ['null as data of a type', { dtype: 'int8', data: null }, TYPE],
    ['a function as data', { dtype: 'int8', data: () => 1 }, TYPE],
    ['values that do not fit', { dtype: 'uint8', data: [1, 256] }, TYPE],
    ['fractions as integers', { dtype: 'int32', data: [1.5] }, TYPE],
    ['a bigint beyond 64 bits', { data: [2n ** 64n] }, TYPE],
    ['a number beyond 2^53 as int64', { dtype: 'int64', data: [2 ** 53] }, TYPE],
    ['text as numbers', { dtype: 'float64', data: ['1'] }, TYPE],
    ['numbers as text', { dtype: 'string', data: [1] }, TYPE],
    ['a lone surrogate', { data: ['\ud800'] }, TYPE],
    ['NUL in a variable-length text', { data: ['a\0b'] }, TYPE],
    ['text that is too long', { dtype: t.string(2), data: ['abc'] }, TYPE],
    ['text that needs more bytes than it has characters', { dtype: t.string(2), data: ['日'] }, TYPE],
    ['text that would lose its end', { dtype: t.string(4, { pad: 'space' }), data: ['a '] }, TYPE],
    ['what is not ASCII as ASCII', { dtype: t.string(4, { encoding: 'ascii' }), data: ['ä'] }, TYPE],
    ['neither true nor false', { dtype: 'bool', data: [2] }, TYPE],
    ['a name that the enumeration has not', { dtype: t.enum({ a: 1 }), data: ['b'] }, TYPE],
    ['a name that every object has', { dtype: t.enum({ a: 1 }), data: ['toString'] }, TYPE],
    ['a value that the enumeration has not', { dtype: t.enum({ a: 1 }), data: [2] }, TYPE],
    ['a row without a member', { dtype: t.compound({ a: 'int8', b: 'int8' }), data: [{ a: 1 }] }, TYPE],
    ['a number as a row', { dtype: t.compound({ a: 'int8' }), data: [5] }, TYPE],
    ['half a row as bytes', { dtype: t.compound({ a: 'int32' }), shape: [1], data: new Uint8Array(3) }, SIZE],
    ['half a complex number', { dtype: 'complex64', data: new Float32Array(3) }, SIZE],
    ['a real number as complex', { dtype: 'complex64', data: [1] }, TYPE],
    ['bare memory', { dtype: 'int8', data: new ArrayBuffer(4) }, TYPE],
    ['a DataView', { dtype: 'int8', data: new DataView(new ArrayBuffer(4)) }, TYPE],
    ['strides of another rank', { data: { data: new Int8Array(4), shape: [2, 2], strides: [1] } }, ARGUMENT],
    ['strides in words', { data: { data: new Int8Array(4), shape: [2, 2], strides: 'ab' } }, ARGUMENT],
    ['half strides', { data: { data: new Int8Array(4), shape: [2, 2], strides: [1.5, 1] } }, ARGUMENT],
    ['strides that leave the data', { data: { data: new Int8Array(4), shape: [2, 2], strides: [3, 1] } }, SIZE],
    ['strides that leave the data in front', { data: { data: new Int8Array(4), shape: [2, 2], strides: [-2, 1] } }, SIZE],
    ['a negative offset', { data: { data: new Int8Array(4), shape: [2], offset: -1 } }, ARGUMENT],
    ['arrays in arrays without end', { dtype: 'int8', data: cyclic }, ARGUMENT],
    ['arrays in arrays without end or type', { data: cyclic }, ARGUMENT],
    ['33 arrays in each other', { dtype: 'int8', data: deep(33) }, ARGUMENT],
  ])('%s', async (_, spec, code) => {
    await expectCode(() => root.createDataset('new', wrong(spec)), code);
    expect(root.has('new')).toBe(false);
  });

  it('a type that no header can hold', async () => {
    const members = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`a member with a long name, number ${String(i)}`, 'int8' as const]));
    await expectCode(() => root.createDataset('new', { dtype: t.compound(members), shape: [1] }), SIZE);
    expect(() => {
      root.attrs.set('new', 1, { dtype: t.enum(Object.fromEntries(Object.keys(members).map((name, i) => [name, i])), 'int16') });
    }).toThrow(expect.objectContaining({ code: expect.stringMatching(/^ERR_(INVALID_SIZE|TYPE_MISMATCH)$/) as string }) as Error);
    await file.flush();
  });
});

describe('the makers of types and filters refuse', () => {
  it.each<[string, () => unknown, string]>([
    ['a zstd level of 0', () => zstd(0), ARGUMENT],
    ['an lz4 block of 0', () => lz4({ blockSize: 0 }), ARGUMENT],
    ['an option of lz4 that there is not', () => lz4(wrong({ level: 1 })), ARGUMENT],
    ['a block of bitshuffle that is no eights', () => bitshuffle({ blockSize: 12 }), ARGUMENT],
    ['a compressor that bitshuffle has not', () => bitshuffle({ compressor: wrong('gzip') }), ARGUMENT],
    ['a level of lz4', () => bitshuffle({ compressor: 'lz4', level: 3 }), ARGUMENT],
    ['half a digit', () => scaleOffset({ digits: 0.5 }), ARGUMENT],
    ['65 bits', () => scaleOffset({ bits: 65 }), ARGUMENT],
    ['an odd block of szip', () => szip({ pixelsPerBlock: 7 }), ARGUMENT],
    ['a coding that szip has not', () => szip({ coding: wrong('nn') }), ARGUMENT],
    ['a string of 0 bytes', () => t.string(0), SIZE],
    ['a string of half a byte', () => t.string(1.5), SIZE],
    ['a string of 4 GiB', () => t.string(2 ** 32), SIZE],
    ['null as options of a string', () => t.string(5, wrong(null)), ARGUMENT],
    ['an option of a string that there is not', () => t.string(5, wrong({ padding: 'space' })), ARGUMENT],
    ['a padding that there is not', () => t.string(5, { pad: wrong('zero') }), ARGUMENT],
    ['an encoding that there is not', () => t.string(5, { encoding: wrong('latin1') }), ARGUMENT],
    ['an enumeration without names', () => t.enum({}), ARGUMENT],
    ['null as an enumeration', () => t.enum(wrong(null)), ARGUMENT],
    ['a list as an enumeration', () => t.enum(wrong(['a', 'b'])), ARGUMENT],
    ['an empty name', () => t.enum({ '': 1 }), ARGUMENT],
    ['a name with NUL', () => t.enum({ 'a\0': 1 }), ARGUMENT],
    ['a name with half a character', () => t.compound({ '\udc00': 'int8' }), ARGUMENT],
    ['two names for one value', () => t.enum({ a: 1, b: 1 }), ARGUMENT],
    ['an enumeration of fractions', () => t.enum({ a: 0.5 }), TYPE],
    ['a value that the base cannot hold', () => t.enum({ a: 200 }, 'int8'), TYPE],
    ['an enumeration over floats', () => t.enum({ a: 1 }, wrong('float32')), ARGUMENT],
    ['a base that there is not', () => t.enum({ a: 1 }, wrong('int7')), ARGUMENT],
    ['a compound without members', () => t.compound({}), ARGUMENT],
    ['null as a compound', () => t.compound(wrong(null)), ARGUMENT],
    ['a member of no type', () => t.compound({ a: wrong('int7') }), ARGUMENT],
    ['a member without a name', () => t.compound({ '': 'int8' }), ARGUMENT],
    ['a compound of 4 GiB', () => t.compound({ a: t.string(2 ** 31), b: t.string(2 ** 31) }), SIZE],
    ['compounds in compounds without measure', () => Array.from({ length: 200 }).reduce<ReturnType<typeof t.compound>>((inner) => t.compound({ inner }), t.compound({ a: 'int8' })), ARGUMENT],
    ['a gzip level of 10', () => gzip(10), ARGUMENT],
    ['a negative gzip level', () => gzip(-1), ARGUMENT],
    ['a gzip level in words', () => gzip(wrong('best')), ARGUMENT],
  ])('%s', async (_, make, code) => {
    await expectCode(make, code);
  });
});

describe('write refuses', () => {
  const box = (start: unknown, count: unknown): never => wrong({ start, count });
  it.each<[string, unknown, unknown, string]>([
    ['too few values', new Float64Array(5), undefined, SIZE],
    ['too many values', new Float64Array(7), undefined, SIZE],
    ['values of another shape', [[1, 2], [3, 4], [5, 6]], undefined, SIZE],
    ['nothing', undefined, undefined, SIZE],
    ['a value of another type', [[1, 2, 3], [4, 5, 'six']], undefined, TYPE],
    ['null as selection', new Float64Array(6), null, ARGUMENT],
    ['a number as selection', new Float64Array(6), 5, ARGUMENT],
    ['a selection without count', new Float64Array(6), box([0, 0], undefined), ARGUMENT],
    ['a selection of another rank', new Float64Array(6), box([0], [6]), ARGUMENT],
    ['a selection outside', new Float64Array(3), box([2, 0], [1, 3]), ARGUMENT],
    ['a selection beyond all bounds', new Float64Array(3), box([2 ** 53 - 1, 0], [2 ** 53 - 1, 3]), ARGUMENT],
    ['a negative selection', new Float64Array(3), box([-1, 0], [1, 3]), ARGUMENT],
    ['a selection with steps', new Float64Array(1), { start: [0, 0], count: [1, 1], step: [2, 2] }, UNSUPPORTED],
    ['more than the selection', new Float64Array(4), box([0, 0], [1, 3]), SIZE],
  ])('%s', async (_, data, selection, code) => {
    await expectCode(() => x.write(wrong(data), wrong(selection)), code);
  });
});

describe('append refuses', () => {
  it.each<[string, unknown, string]>([
    ['half a row', new Float64Array(4), SIZE],
    ['rows of another length', [[1, 2]], SIZE],
    ['more rows than fit', new Float64Array(9), 'ERR_LIMIT_EXCEEDED'],
    ['null', null, TYPE],
    ['nothing', undefined, SIZE],
    ['text', 'abc', SIZE],
  ])('%s', async (_, data, code) => {
    const error = await errorOf(() => x.append(wrong(data)));
    expect(error).toBeInstanceOf(FreestoneError);
    expect([code, TYPE, SIZE]).toContain((error as FreestoneError).code);
    if (code === 'ERR_LIMIT_EXCEEDED') expect(error).toMatchObject({ code, requested: 5, limit: 4 });
  });

  it('anything to a scalar, and to a dataset that cannot grow', async () => {
    await expectCode(() => scalar.append([1]), ARGUMENT);
    const fixed = await root.createDataset('/fixed/x', { data: [1, 2] });
    await expectCode(() => fixed.append([3]), 'ERR_LIMIT_EXCEEDED');
    expect(fixed.shape).toEqual([2]);
  });
});

describe('resize refuses', () => {
  it.each<[string, unknown, string]>([
    ['no shape', undefined, ARGUMENT],
    ['a number', 5, ARGUMENT],
    ['another rank', [2], ARGUMENT],
    ['a negative extent', [-1, 3], ARGUMENT],
    ['more than maxShape', [5, 3], 'ERR_LIMIT_EXCEEDED'],
    ['more than maxShape in the second dimension', [2, 4], 'ERR_LIMIT_EXCEEDED'],
  ])('%s', async (_, shape, code) => {
    await expectCode(() => x.resize(wrong(shape)), code);
  });

  it('anything but the same shape without chunks, and more bytes than 2^53', async () => {
    const fixed = await root.createDataset('/fixed/y', { data: [1, 2] });
    await expectCode(() => fixed.resize([1]), 'ERR_LIMIT_EXCEEDED');
    await fixed.resize([2]);
    await expectCode(() => names.resize([2 ** 52]), SIZE);
  });
});

describe('attributes refuse', () => {
  it.each<[string, unknown, unknown, unknown, string]>([
    ['no name', undefined, 1, undefined, ARGUMENT],
    ['an empty name', '', 1, undefined, ARGUMENT],
    ['a name with NUL', 'a\0', 1, undefined, ARGUMENT],
    ['a name with half a character', '\ud800', 1, undefined, ARGUMENT],
    ['a name that no header can hold', 'n'.repeat(70_000), 1, undefined, SIZE],
    ['no value', 'new', undefined, undefined, ARGUMENT],
    ['null', 'new', null, undefined, ARGUMENT],
    ['a value of another type', 'new', 'x', { dtype: 'int8' }, TYPE],
    ['a dtype that there is not', 'new', 1, { dtype: 'number' }, ARGUMENT],
    ['another shape', 'new', [1, 2], { shape: [3] }, SIZE],
    ['a shape that is none', 'new', [1, 2], { shape: 2 }, ARGUMENT],
    ['33 dimensions', 'new', new Int8Array(1), { shape: Array(33).fill(1) }, ARGUMENT],
    ['null as options', 'new', 1, null, ARGUMENT],
    ['an option that there is not', 'new', 1, { type: 'int8' }, ARGUMENT],
    ['arrays in arrays without end', 'new', cyclic, undefined, ARGUMENT],
  ])('%s', async (_, name, value, options, code) => {
    await expectCode(() => {
      root.attrs.set(wrong(name), wrong(value), wrong(options));
    }, code);
    expect(root.attrs.has('new')).toBe(false);
  });

  it('answer for what is not there that it is not', () => {
    expect(root.attrs.get('nothing')).toBeUndefined();
    expect(root.attrs.describe('nothing')).toBeUndefined();
    expect(root.attrs.delete('nothing')).toBe(false);
  });
});

describe('a path to a file', () => {
  const code = (call: () => Promise<unknown>): Promise<unknown> => errorOf(call).then((error) => error);

  it('whose folder is not there is ENOENT, with path and call', async () => {
    const path = join(scratch.folder, 'nowhere', 'x.h5');
    for (const call of [() => H5File.create(path), () => H5File.create(path, { overwrite: true }), () => H5File.open(path)]) {
      const error = await code(call);
      expect(error).toBeInstanceOf(FreestoneError);
      expect(error).toMatchObject({ code: 'ENOENT', path, syscall: 'open' });
    }
  });

  it('that is a folder is EISDIR to write, and nothing to read', async () => {
    const path = join(scratch.folder, 'folder');
    mkdirSync(path);
    expect(await code(() => H5File.create(path, { overwrite: true }))).toMatchObject({ code: 'EISDIR' });
    expect(await code(() => H5File.create(path))).toMatchObject({ code: 'ERR_EXISTS', path });
    expect(await code(() => H5File.open(path))).toMatchObject({ path });
  });

  it('that is there is ERR_EXISTS, and stays as it is', async () => {
    const path = scratch.path('.other');
    writeFileSync(path, 'precious');
    const error = await code(() => H5File.create(path));
    expect(error).toMatchObject({ code: 'ERR_EXISTS', path });
  });
});
