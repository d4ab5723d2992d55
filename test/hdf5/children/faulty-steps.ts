// What is done to a file while calls of the system fail, and what must be in it then.
import { gzip, shuffle, t, type Dataset, type Group, type H5File, type Table } from '../../../lib/hdf5/index.js';

/** The elements of each dataset in row-major order, rows of a table as arrays; the attributes by `path@name`. */
export type Content = Record<string, Elements>;
export type Elements = readonly unknown[] | Float64Array;

/** Makes a call that may fail, again if it has. */
export type Attempt = <T>(call: () => Promise<T>) => Promise<T>;

export interface Scene {
  readonly attempt: Attempt;
  readonly file: H5File;
  /** Of the file. */
  readonly path: string;
  /** What the file should hold once it is flushed. */
  content: Content;
  /** Flushes, and notes what the file must hold from here on. @param beside what is under way meanwhile; `content` has it already */
  readonly flush: (beside?: () => Promise<unknown>) => Promise<void>;
}

/** Numbers that look random and are the same in every run. */
export function noise(count: number, seed: number): Float64Array {
  let state = seed + 1;
  return Float64Array.from({ length: count }, () => (state = (state * 48_271) % 2_147_483_647) / 3);
}

const counted = (count: number, first = 0): number[] => Array.from({ length: count }, (_, i) => first + i);

/** Datasets whose elements are written where they are: a reader may see them before they are flushed, and a write that failed in parts. */
export const inPlace = new Set(['/g/small', '/large', '/part', '/rows', '/big', '/grid', '/turned', '/wide', '/outer']);

/** Every kind of storage, small, with all that can be done to it. */
async function everything({ attempt, file, content, flush }: Scene): Promise<void> {
  const { root } = file;
  root.attrs.set('title', 'of the file');
  content['/@title'] = ['of the file'];
  const made = async (path: string, spec: Parameters<Group['createDataset']>[1], values: Elements): Promise<Dataset> => {
    const dataset = await attempt(() => root.createDataset(path, spec));
    content[path] = values;
    return dataset;
  };
  const smallValues = counted(100);
  const small = await made('/g/small', { data: Int32Array.from(smallValues) }, smallValues);
  const largeValues = noise(20_000, 1);
  const large = await made('/large', { data: largeValues }, largeValues);
  const part = await made('/part', { dtype: 'float64', shape: [200, 100], fill: 7 }, Array<number>(20_000).fill(7));
  const box = { start: [50, 10], count: [100, 50] };
  content['/part'] = boxed(content['/part'] ?? [], 100, box, noise(5000, 2));
  await attempt(() => part.write(noise(5000, 2), box));
  const packedValues = counted(3000, -1000);
  const packed = await made('/packed', { dtype: 'int16', shape: [60, 50], chunks: [20, 20], filters: [shuffle(), gzip(1)], data: Int16Array.from(packedValues) }, packedValues);
  packed.attrs.set('scale', [1, 2, 3]);
  content['/packed@scale'] = [1, 2, 3];
  await flush();

  const rows = await made('/rows', { dtype: 'float64', shape: [0], maxShape: [null], chunks: [1000] }, []);
  const log = await made('/log', { dtype: 'int32', shape: [0, 4], maxShape: [null, 4], chunks: [256, 4], filters: [gzip(4)] }, []);
  for (let i = 0; i < 6; i += 1) {
    const more = noise(700, i + 10);
    await attempt(() => rows.append(more));
    content['/rows'] = [...(content['/rows'] ?? []), ...more];
    const lines = counted(400, i * 400);
    content['/log'] = [...(content['/log'] ?? []), ...lines];
    const append = (): Promise<void> => attempt(() => log.append(Int32Array.from(lines)));
    await (i === 3 ? flush(append) : append());
  }
  const words = counted(2000).map((i) => `word ${String(i)} ${'x'.repeat(i % 40)}`);
  await made('/words', { dtype: 'string', shape: [2000], data: words }, words);
  const table: Table = await attempt(() => root.createTable('/table', { id: 'int32', value: 'float64', name: t.string(8) }, { chunkRows: 100, filters: [shuffle(), gzip(1)] }));
  content['/table'] = [];
  for (let i = 0; i < 3; i += 1) {
    const lines = counted(150, i * 150).map((id) => ({ id, value: id / 8, name: `n${String(id)}` }));
    await attempt(() => table.append(lines));
    content['/table'] = [...content['/table'], ...lines.map(({ id, value, name }) => [id, value, name])];
  }
  await flush();

  const corner = { start: [10, 10], count: [30, 30] };
  await attempt(() => packed.write(Int16Array.from(counted(900, 5000)), corner));
  content['/packed'] = boxed(content['/packed'] ?? [], 50, corner, counted(900, 5000));
  content['/large'] = noise(20_000, 3);
  await attempt(() => large.write(noise(20_000, 3)));
  content['/g/small'] = boxed(content['/g/small'] ?? [], 100, { start: [0, 25], count: [1, 50] }, counted(50, 900));
  await attempt(() => small.write(Int32Array.from(counted(50, 900)), { start: [25], count: [50] }));
  await attempt(() => rows.resize([2500]));
  content['/rows'] = (content['/rows'] ?? []).slice(0, 2500);
  await attempt(() => rows.append(noise(1200, 4)));
  content['/rows'] = [...content['/rows'], ...noise(1200, 4)];
  small.attrs.set('note', 'changed');
  content['/g/small@note'] = ['changed'];
  await flush();
  await attempt(() => log.append(Int32Array.from(counted(8, -8))));
  content['/log'] = [...(content['/log'] ?? []), ...counted(8, -8)];
}

/** What goes out in several large pieces at once. */
async function large({ attempt, file, content, flush }: Scene): Promise<void> {
  const values = noise(1_200_000, 5);
  const big = await attempt(() => file.root.createDataset('big', { data: values }));
  content['/big'] = values;
  const grid = await attempt(() => file.root.createDataset('grid', { dtype: 'float64', shape: [600, 500], chunks: [256, 256] }));
  content['/grid'] = new Float64Array(300_000);
  await flush();
  content['/grid'] = new Float64Array(300_000).map((_, i) => values[Math.floor(i / 500) + (i % 500) * 600] ?? 0);
  await attempt(() => grid.write({ data: values.subarray(0, 300_000), shape: [600, 500], strides: [1, 600] }));
  // Backwards and of another byte order, so that it is gathered.
  const turned = await attempt(() => file.root.createDataset('turned', { dtype: 'float64be', shape: [600_000], data: { data: values, shape: [600_000], strides: [-2], offset: 1_199_999 } }));
  content['/turned'] = new Float64Array(600_000).map((_, i) => values[1_199_999 - 2 * i] ?? 0);
  await flush();
  const changed = Float64Array.from(values);
  changed.set(values.subarray(0, 1_100_000), 100);
  content['/big'] = changed;
  await attempt(() => big.write(values.subarray(0, 1_100_000), { start: [100], count: [1_100_000] }));
  const touched = Float64Array.from(content['/turned']);
  touched.set([1, 2, 3], 5);
  content['/turned'] = touched;
  await attempt(() => turned.write(Float64Array.of(1, 2, 3), { start: [5], count: [3] }));
}

/** Rows over more chunks than are kept in memory, so that each append reads some of them back. */
async function wide({ attempt, file, content, flush }: Scene): Promise<void> {
  const width = 70_000;
  const spec = { dtype: 'float64', shape: [0, width], maxShape: [null, width], chunks: [64, 7000] } as const;
  const plain = await attempt(() => file.root.createDataset('wide', spec));
  content['/wide'] = new Float64Array();
  await flush();
  for (let i = 0; i < 3; i += 1) {
    const row = noise(width, i + 20);
    await attempt(() => plain.append(row));
    content['/wide'] = Float64Array.from([...content['/wide'], ...row]);
    if (i === 1) await flush();
  }
  const changed = Float64Array.from(content['/wide']);
  changed.set(noise(width, 30), width);
  content['/wide'] = changed;
  await attempt(() => plain.write(noise(width, 30), { start: [1, 0], count: [1, width] }));
}

export const externalFiles = (path: string): string[] => ['.raw0', '.raw1', '.raw2'].map((end) => `${path}${end}`);

/** What lies in other files. */
async function outside({ attempt, file, path, content, flush }: Scene): Promise<void> {
  const [first = '', second = '', third = ''] = externalFiles(path);
  const values = noise(10_000, 6);
  const outer = await attempt(() => file.root.createDataset('outer', { data: values, external: [{ path: first, size: 30_000, offset: 8 }, { path: second, size: 20_000 }, { path: first, offset: 40_000, size: 30_000 }] }));
  content['/outer'] = values;
  // Never written as a whole, and beside another in its file.
  const grid = await attempt(() => file.root.createDataset('grid', { dtype: 'float64', shape: [100, 50], external: [{ path: third, offset: 16, size: 40_000 }] }));
  content['/grid'] = new Float64Array(5000);
  await flush();
  for (let i = 0; i < 4; i += 1) {
    const box = { start: [i * 20, i * 10], count: [20, 15] };
    content['/grid'] = Float64Array.from(boxed(content['/grid'], 50, box, noise(300, i + 40)) as number[]);
    await attempt(() => grid.write(noise(300, i + 40), box));
    if (i === 1) await flush();
  }
  await flush();
  const changed = Float64Array.from(values);
  changed.set(noise(7000, 7), 1000);
  content['/outer'] = changed;
  await attempt(() => outer.write(noise(7000, 7), { start: [1000], count: [7000] }));
}

export const scenes = { everything, large, wide, outside } as const;

/** A copy of two-dimensional values with a box of others. */
function boxed(values: Elements, width: number, { start, count }: { start: readonly number[]; count: readonly number[] }, others: ArrayLike<unknown>): unknown[] {
  const copy = [...values];
  const [firstRow = 0, firstColumn = 0] = start;
  const [rows = 0, columns = 0] = count;
  for (let i = 0; i < rows * columns; i += 1) copy[(firstRow + Math.floor(i / columns)) * width + firstColumn + (i % columns)] = others[i];
  return copy;
}

function flat(values: unknown): Elements {
  if (values instanceof Float64Array) return values;
  if (ArrayBuffer.isView(values)) return [...(values as Int32Array)];
  return Array.isArray(values) ? values.map(row) : [values];
}
const row = (value: unknown): unknown => (typeof value === 'object' && value !== null ? Object.values(value) : value);

/** All that is in a file. */
export async function contentOf(file: H5File, attempt: Attempt = (call) => call()): Promise<Content> {
  const found: Content = {};
  /** For what is done within the call. */
  const now = <T>(call: () => T): Promise<T> => attempt(() => Promise.resolve().then(call));
  const walk = async (object: Group | Dataset): Promise<void> => {
    for (const name of object.attrs.keys()) found[`${object.path}@${name}`] = flat(await now(() => object.attrs.get(name)));
    if (!('keys' in object)) {
      found[object.path] = flat(await attempt(() => object.read()));
      return;
    }
    for (const name of object.keys()) await walk(await now(() => object.get(name)));
  };
  await walk(file.root);
  return found;
}
