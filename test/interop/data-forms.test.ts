// The forms in which the same data may come, and the boxes into which it may go.
import { runInNewContext } from 'node:vm';
import { beforeAll, expect, it } from 'vitest';
import { H5File, gzip, t, type Data, type DatasetSpec, type Group, type Value } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { dataset, read, type Printed, type SeenFile } from './h5py.js';
import { floatDigits } from './kinds.js';
import { describeWith } from './readers.js';

const scratch = scratchFolder();

const sequence = Array.from({ length: 12 }, (_, i) => i * 3 - 7);
const wanted = sequence.map(String);
const rows: Value = [sequence.slice(0, 4), sequence.slice(4, 8), sequence.slice(8)];

function shared(values: readonly number[]): Int32Array {
  const array = new Int32Array(new SharedArrayBuffer(values.length * 4));
  array.set(values);
  return array;
}

/** In the middle of other memory. */
function inside(values: readonly number[]): Int32Array {
  const array = new Int32Array(values.length + 9).fill(1000);
  array.set(values, 5);
  return array.subarray(5, 5 + values.length);
}

/** Columns first, as Fortran has it. */
const columnsFirst = Int32Array.from(sequence, (_, i) => sequence[(i % 3) * 4 + Math.floor(i / 3)] ?? 0);

const shape = [3, 4];
const forms: readonly (readonly [string, Data])[] = [
  ['a typed array', Int32Array.from(sequence)],
  ['a part of a typed array', inside(sequence)],
  ['a typed array over shared memory', shared(sequence)],
  ['a typed array of another type', Float64Array.from(sequence)],
  ['a typed array of a smaller type', Int8Array.from(sequence)],
  ['nested arrays', rows],
  ['nested arrays of bigints', [sequence.slice(0, 4).map(BigInt), sequence.slice(4, 8).map(BigInt), sequence.slice(8).map(BigInt)]],
  ['an array with a shape', { data: Int32Array.from(sequence), shape }],
  ['columns first', { data: columnsFirst, shape, strides: [1, 3] }],
  ['columns first of another type', { data: Float64Array.from(columnsFirst), shape, strides: [1, 3] }],
  ['backwards', { data: Int32Array.from(sequence).reverse(), shape, strides: [-4, -1], offset: 11 }],
  ['every second element of a part', { data: inside(sequence.flatMap((value) => [value, 99])), shape, strides: [8, 2] }],
];
const layouts: readonly (readonly [string, Pick<DatasetSpec, 'chunks' | 'filters'>])[] = [
  ['contiguous', {}],
  ['chunked', { chunks: [2, 3] }],
  ['chunked and filtered', { chunks: [2, 3], filters: [gzip()] }],
];
const cases = forms.flatMap(([form, data]) => layouts.map(([layout, spec]) => [`${form}, ${layout}`, data, spec] as const));

describeWith(['h5py'], 'h5py finds the same values whatever they are written from:', () => {
  let seen: SeenFile;
  beforeAll(async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      for (const [name, data, spec] of cases) {
        await file.root.createDataset(`created from ${name}`, { ...spec, dtype: 'int32', shape, data });
        const reversed = await file.root.createDataset(`reversed ${name}`, { ...spec, dtype: 'int32be', shape });
        await reversed.write(data);
        const framed = await file.root.createDataset(`framed ${name}`, { ...spec, dtype: 'int32', shape: [5, 6], fill: -1 });
        await framed.write(data, { start: [1, 1], count: shape });
      }
    }
    seen = read(path);
  });

  it.each(cases)('%s', (name) => {
    expect(dataset(seen, `/created from ${name}`).values).toEqual(wanted);
    expect(dataset(seen, `/reversed ${name}`).values).toEqual(wanted);
    const none = Array<string>(6).fill('-1');
    const framed = [0, 4, 8].flatMap((at) => ['-1', ...wanted.slice(at, at + 4), '-1']);
    expect(dataset(seen, `/framed ${name}`).values).toEqual([...none, ...framed, ...none]);
  });
});

describeWith(['h5py'], 'h5py finds', () => {
  const written = async (write: (root: Group) => Promise<unknown>): Promise<readonly Printed[]> => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      await write(file.root);
    }
    return dataset(read(path), '/x').values;
  };

  it('one element repeated by strides of 0', async () => {
    const values = await written((root) => root.createDataset('x', { data: { data: Float32Array.of(2.5), shape: [2, 3], strides: [0, 0] } }));
    expect(values).toEqual(Array<string>(6).fill(floatDigits(2.5, 4)));
  });

  it('the packed bytes of a compound, given as a Buffer', async () => {
    const bytes = Buffer.alloc(10);
    bytes.writeInt16LE(-2, 0);
    bytes.writeInt16LE(300, 5);
    bytes.write('abc', 2);
    bytes.write('de', 7);
    const dtype = t.compound({ n: 'int16', s: t.string(3) });
    expect(await written((root) => root.createDataset('x', { dtype, shape: [2], data: bytes }))).toEqual([['-2', 'abc'], ['300', 'de']]);
    expect(await written((root) => root.createDataset('x', { dtype, shape: [2], chunks: [2], data: bytes }))).toEqual([['-2', 'abc'], ['300', 'de']]);
  });

  it('complex numbers given as pairs, as objects and as a typed array of parts', async () => {
    const parts = [1, 2, 3, 4].map((part) => floatDigits(part, 8));
    const printed = [parts.slice(0, 2), parts.slice(2)];
    const dtype = 'complex128';
    expect(await written((root) => root.createDataset('x', { dtype, data: [[1, 2], [3, 4]] }))).toEqual(printed);
    // Two objects in an array look like one pair, and were taken for it.
    expect(await written((root) => root.createDataset('x', { dtype, data: [{ re: 1, im: 2 }, { re: 3, im: 4 }] }))).toEqual(printed);
    expect(await written((root) => root.createDataset('x', { dtype, data: Float64Array.of(1, 2, 3, 4) }))).toEqual(printed);
    expect(await written((root) => root.createDataset('x', { dtype, shape: [2, 1], data: [[[1, 2]], [[3, 4]]] }))).toEqual(printed);
  });

  it('what the data says when no dtype is given', async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      await file.root.createDataset('numbers', { data: [1, 2] });
      await file.root.createDataset('bigints', { data: [1n, 2n] });
      await file.root.createDataset('booleans', { data: [true, false] });
      await file.root.createDataset('texts', { data: ['a', 'b'] });
      await file.root.createDataset('bytes', { data: Buffer.from([1, 2]) });
      await file.root.createDataset('clamped', { data: Uint8ClampedArray.of(1, 2) });
      await file.root.createDataset('words', { data: BigUint64Array.of(1n, 2n) });
      await file.root.createDataset('subclass', { data: new (class Samples extends Float32Array {})([1, 2]) });
      await file.root.createDataset('realm', { data: runInNewContext('Int16Array.of(1, 2)') as Int16Array });
    }
    const seen = read(path);
    expect(dataset(seen, '/numbers').type).toMatchObject({ class: 'float', size: 8 });
    expect(dataset(seen, '/bigints').type).toMatchObject({ class: 'integer', size: 8, signed: true });
    expect(dataset(seen, '/booleans')).toMatchObject({ type: { class: 'enum', members: { FALSE: '0', TRUE: '1' } }, values: ['true', 'false'] });
    expect(dataset(seen, '/texts')).toMatchObject({ type: { class: 'string', size: 'variable' }, values: ['a', 'b'] });
    expect(dataset(seen, '/bytes')).toMatchObject({ type: { class: 'integer', size: 1, signed: false }, values: ['1', '2'] });
    expect(dataset(seen, '/clamped')).toMatchObject({ type: { class: 'integer', size: 1, signed: false }, values: ['1', '2'] });
    expect(dataset(seen, '/words')).toMatchObject({ type: { class: 'integer', size: 8, signed: false }, values: ['1', '2'] });
    expect(dataset(seen, '/subclass')).toMatchObject({ type: { class: 'float', size: 4 }, values: ['3f800000', '40000000'] });
    expect(dataset(seen, '/realm')).toMatchObject({ type: { class: 'integer', size: 2, signed: true }, values: ['1', '2'] });
  });

  it('shapes, selections and limits given as bigints', async () => {
    const big = (values: number[]): number[] => values.map(BigInt) as unknown as number[];
    const values = await written(async (root) => {
      const x = await root.createDataset('x', { dtype: 'int8', shape: big([2, 2]), maxShape: big([4, 4]), chunks: big([2, 1]) });
      await x.write(Int8Array.of(5), { start: big([1, 0]), count: big([1, 1]) });
      await x.resize(big([3, 2]));
    });
    expect(values).toEqual(['0', '0', '5', '0', '0', '0']);
  });

  it('the later of two writes to the same elements, also when nobody waited between them', async () => {
    const values = await written(async (root) => {
      const x = await root.createDataset('x', { dtype: 'int16', shape: [100], chunks: [7], filters: [gzip()] });
      await Promise.all(Array.from({ length: 50 }, (_, i) => x.write(new Int16Array(100 - i).fill(i), { start: [i], count: [100 - i] })));
    });
    expect(values).toEqual(Array.from({ length: 100 }, (_, i) => String(Math.min(i, 49))));
  });

  it('one row after the other from everything that append takes', async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      const x = await file.root.createDataset('x', { dtype: 'int32', shape: [0, 2], maxShape: [null, 2], chunks: [4, 2] });
      await x.append([1, 2]);
      await x.append([[3, 4], [5, 6]]);
      await x.append(Int32Array.of(7, 8, 9, 10));
      await x.append({ data: Int32Array.of(12, 11), shape: [1, 2], strides: [2, -1], offset: 1 });
      await x.append(
        (async function* () {
          yield [13, 14];
          await Promise.resolve();
          yield Int32Array.of(15, 16);
        })(),
      );
      const s = await file.root.createDataset('s', { dtype: 'string', shape: [0], maxShape: [null] });
      await s.append('one');
      await s.append(['two', '']);
    }
    const seen = read(path);
    expect(dataset(seen, '/x')).toMatchObject({ shape: [8, 2], values: Array.from({ length: 16 }, (_, i) => String(i + 1)) });
    expect(dataset(seen, '/s').values).toEqual(['one', 'two', '']);
  });
});
