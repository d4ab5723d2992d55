// .npy: one array of numpy's, or one table where its elements are structures.
import { type Data, type Dataset, type DatasetSpec, type H5File, type TypedArray, shuffle } from '../hdf5/index.js';
import { type ArrayBox, boxesOf, evenChunk, nested, rowChunk, rowMajor, runsOf } from './array-boxes.js';
import { columnNames } from './column-names.js';
import { typeLabel } from './column-type.js';
import type { Format } from './formats.js';
import { type NpySource, corruptNpy, readNpyHeader } from './npy-header.js';
import { type NpyField, type NpyType, compoundOfStructure, npyType } from './npy-type.js';
import { TextProfile, sameValues, textValues } from './npy-values.js';
import type { ImportPlan } from './options.js';
import { type ArrayReport, type Place, type Preparation, type PreparedInput, groupAt, ownGroup, ownPath, renamings } from './prepared.js';
import { setAttributes } from './record-writer.js';
import { type StoredColumn, checkLayout, columnAttributes, columnSpec, datatype, elementsOf, filters, noteSource, rowLayout, tableAttributes, tableSpec } from './table-layout.js';

/** What is read and written at once, twice: one part is read while the one before is written. */
const boxBytes = 8 * 1024 * 1024;
const chunkBytes = 256 * 1024;

/** A dataset that is made of the elements, or of one field of each. */
interface Part extends StoredColumn {
  readonly from: NpyField;
}

/** An array whose header is known, and all of its texts seen. */
interface NpyArray {
  readonly source: NpySource;
  readonly dataStart: number;
  readonly shape: readonly number[];
  /** Whether the first dimension runs fastest. */
  readonly columnMajor: boolean;
  readonly elementBytes: number;
  /** One, unless elements are structures. */
  readonly parts: readonly Part[];
  readonly isStructure: boolean;
}

export function prepareNpy({ file, plan, onBlock }: Preparation): Promise<PreparedInput> {
  return prepareArray({ name: file.name, file, start: 0, size: file.size }, { base: file.base, format: 'npy', input: file.name }, plan, onBlock);
}

/** @param of what it is part of: the input, and the name that is noted with the data */
export async function prepareArray(
  source: NpySource,
  of: { readonly base: string; readonly format: Format; readonly input: string },
  plan: ImportPlan,
  onBlock: Preparation['onBlock'],
): Promise<PreparedInput> {
  const { descr, fortranOrder, shape, dataStart } = await readNpyHeader(source);
  const type = npyType(source, descr);
  const bytes = elementsOf(shape) * type.bytes;
  const there = source.start + source.size - dataStart;
  if (!(bytes <= there)) throw corruptNpy(source, `it has ${there} bytes of data where its shape [${shape.join(', ')}] needs ${bytes}`);
  const isStructure = type.kind === 'structure';
  const fields: readonly NpyField[] = isStructure ? type.fields : [{ name: '', type, offset: 0 }];
  const layout = { source, dataStart, shape, columnMajor: fortranOrder && shape.length > 1, elementBytes: type.bytes, isStructure };
  const parts = await profiledParts(layout, fields, plan, onBlock);
  const array: NpyArray = { ...layout, parts };
  const asTable = isStructure && plan.as === 'table';
  if (asTable) checkLayout(source.name, parts, plan.as);
  return {
    columns: [],
    warnings: [
      ...(isStructure ? renamings(source.file, parts, 'field') : []),
      ...(bytes < there ? [`${source.name}: ${there - bytes} bytes behind the array are left out`] : []),
    ],
    write: async (output, place, onWritten) => {
      await (asTable ? writeCompound(output, place, array, of.base, plan, onWritten) : writeParts(output, place, array, of.base, plan, onWritten));
      await source.file.checkUnchanged();
    },
    report: (place) => reportOf(array, of, place, plan),
  };
}

/** The parts with their types in the file; texts are read for that. */
async function profiledParts(array: Omit<NpyArray, 'parts'>, fields: readonly NpyField[], plan: ImportPlan, onBlock: Preparation['onBlock']): Promise<Part[]> {
  const { source, elementBytes, shape } = array;
  const names = array.isStructure ? columnNames(fields.map(({ name }) => name)) : [{ name: '' }];
  const profiles = fields.map(({ type, name }) => (type.kind === 'text' ? new TextProfile(source, type, array.isStructure ? name : undefined) : undefined));
  if (profiles.some((profile) => profile !== undefined) && elementBytes > 0) {
    const elements = Math.max(1, Math.floor(boxBytes / elementBytes));
    const total = elementsOf(shape);
    for (let first = 0; first < total; first += elements) {
      const count = Math.min(elements, total - first);
      const bytes = Buffer.allocUnsafe(count * elementBytes);
      await source.file.readAll(bytes, 0, bytes.length, array.dataStart + first * elementBytes);
      for (const [index, { offset, type, shape: inner }] of fields.entries()) {
        const profile = profiles[index];
        if (profile === undefined) continue;
        const width = elementsOf(inner);
        for (let i = 0; i < count * width; i++) profile.add(bytes, Math.floor(i / width) * elementBytes + offset + (i % width) * type.bytes);
      }
      onBlock(array.dataStart + (first + count) * elementBytes - source.start, 0);
    }
  }
  return fields.map((from, index): Part => {
    const stored = profiles[index]?.resolve(plan.strings) ?? storedType(source, from);
    return { ...(names[index] ?? { name: from.name }), type: stored, from, ...(from.shape === undefined ? {} : { shape: from.shape }) };
  });
}

function storedType(source: NpySource, { name, type }: NpyField): Part['type'] {
  if (type.kind === 'same') return type.stored;
  if (type.kind === 'text') return { kind: 'text', dtype: 'string', bytes: 1 };
  const compound = compoundOfStructure(type.fields, type.bytes);
  if (typeof compound !== 'string') return compound;
  throw source.file.unsupported(`${source.name}: the structure in its field ${JSON.stringify(name)} cannot be stored: ${compound}`);
}

/** The elements of one part out of those of all. */
function bytesOfPart({ type, offset, shape }: NpyField, elements: Buffer, elementBytes: number): Buffer {
  const size = type.bytes * elementsOf(shape);
  if (size === elementBytes) return elements;
  const count = elements.length / elementBytes;
  // Not from Node's pool, whose pieces begin anywhere.
  const bytes = Buffer.from(new ArrayBuffer(count * size));
  for (let i = 0, from = offset, to = 0; i < count; i++, from += elementBytes, to += size) {
    if (size <= 16) for (let b = 0; b < size; b++) bytes[to + b] = elements[from + b] ?? 0;
    else elements.copy(bytes, to, from, from + size);
  }
  return bytes;
}

/** Elements of a part as values in a row. */
function valuesOf(type: NpyType, bytes: Buffer): TypedArray | string[] {
  if (type.kind === 'text') return textValues(type, bytes);
  return type.kind === 'same' ? sameValues(type, bytes) : bytes;
}

/** Calls `take` with box after box, whose elements are in the order of the file. The next one is read while one is taken. */
async function readBoxes(array: NpyArray, units: readonly number[], plan: ImportPlan, take: (box: ArrayBox, bytes: Buffer) => Promise<void>, onBox: (bytes: number) => void): Promise<void> {
  const { source, dataStart, shape, columnMajor, elementBytes } = array;
  if (elementBytes === 0 || elementsOf(shape) === 0) return;
  const turned = (numbers: readonly number[]): readonly number[] => (columnMajor ? numbers.toReversed() : numbers);
  let taking: Promise<void> = Promise.resolve();
  let done = 0;
  try {
    for (const box of boxesOf(turned(shape), turned(units), elementBytes, boxBytes)) {
      plan.signal?.throwIfAborted();
      const bytes = Buffer.from(new ArrayBuffer(elementsOf(box.count) * elementBytes));
      let filled = 0;
      for (const { at, length } of runsOf(turned(shape), box)) {
        await source.file.readAll(bytes, filled, length * elementBytes, dataStart + at * elementBytes);
        filled += length * elementBytes;
      }
      await taking;
      onBox((done += bytes.length));
      taking = take({ start: turned(box.start), count: turned(box.count) }, bytes);
      taking.catch(() => undefined);
    }
  } finally {
    await taking.catch(() => undefined);
  }
  await taking;
}

function arraySpec({ shape, columnMajor }: NpyArray, { type, from }: Part, plan: ImportPlan): DatasetSpec {
  const full = [...shape, ...(from.shape ?? [])];
  const dtype = datatype(type);
  const bytes = type.kind === 'long text' ? 16 : from.type.bytes;
  const used = filters(plan.compression, type.dtype === 'string');
  const plain = full.length === 0 || elementsOf(full) === 0 || (!columnMajor && used.every(({ name }) => name === shuffle().name));
  if (plain) return { dtype, shape: full };
  const inner = from.shape ?? [];
  const chunk = columnMajor ? evenChunk(shape, bytes * elementsOf(inner), chunkBytes) : rowChunk(shape, bytes * elementsOf(inner), chunkBytes);
  return { dtype, shape: full, chunks: [...chunk, ...inner], filters: used };
}

async function writeParts(output: H5File, place: Place, array: NpyArray, base: string, plan: ImportPlan, onWritten: Preparation['onBlock']): Promise<void> {
  const { parts, shape, columnMajor, elementBytes, isStructure } = array;
  const rows = shape.length === 1 ? (shape[0] ?? 0) : undefined;
  const group = groupAt(output, isStructure ? ownGroup(place) : place.parent);
  if (isStructure) noteSource(group, base, rows);
  const targets: { part: Part; dataset: Dataset }[] = [];
  for (const part of parts) {
    const spec = isStructure && rows !== undefined ? columnSpec(part, rows, parts.length, plan.compression) : arraySpec(array, part, plan);
    const dataset = await group.createDataset(isStructure ? part.name : place.name, spec);
    setAttributes(dataset, columnAttributes(part));
    if (!isStructure) noteSource(dataset, base);
    targets.push({ part, dataset });
  }
  const units = targets[0]?.dataset.chunkShape?.slice(0, shape.length) ?? shape.map(() => 1);
  await readBoxes(array, units, plan, async ({ start, count }, read) => {
    const [only] = targets;
    // Numbers that lie across are put in order while they are copied into chunks.
    const across = columnMajor && !isStructure && only?.part.from.type.kind === 'same' && only.part.from.type.form === 'number' ? only.part.from.type : undefined;
    if (only !== undefined && across !== undefined) {
      const strides = count.map((_, d) => elementsOf(count.slice(0, d)));
      await only.dataset.write({ data: sameValues(across, read), shape: count, strides }, { start, count });
      return;
    }
    const elements = columnMajor ? rowMajor(read, count, elementBytes) : read;
    for (const { part: { from }, dataset } of targets) {
      const inner = from.shape ?? [];
      const values = valuesOf(from.type, bytesOfPart(from, elements, elementBytes));
      const box = { start: [...start, ...inner.map(() => 0)], count: [...count, ...inner] };
      await dataset.write((Array.isArray(values) ? nested(values, box.count) : values) as Data, box.count.length === 0 ? undefined : box);
    }
  }, (bytes) => {
    onWritten(bytes, rows ?? 0);
  });
}

/** Structures as elements of one compound dataset. */
async function writeCompound(output: H5File, place: Place, array: NpyArray, base: string, plan: ImportPlan, onWritten: Preparation['onBlock']): Promise<void> {
  const { parts, shape, columnMajor, elementBytes } = array;
  const layout = rowLayout(parts);
  const rows = shape.length === 1 ? shape[0] : undefined;
  const whole: Part = { name: place.name, type: { kind: 'other', dtype: 'compound', datatype: layout.dtype, bytes: layout.bytes }, from: { name: '', offset: 0, type: { kind: 'structure', bytes: layout.bytes, fields: [] } } };
  const dataset = await groupAt(output, place.parent).createDataset(place.name, rows === undefined ? arraySpec(array, whole, plan) : tableSpec(layout, rows, plan.compression));
  setAttributes(dataset, tableAttributes(layout));
  noteSource(dataset, base);
  const isPacked = layout.bytes === elementBytes && parts.every(({ from: { offset, type } }, i) => type.kind !== 'text' && offset === layout.offsets[i]);
  const hasLongText = parts.some(({ type }) => type.kind === 'long text');
  await readBoxes(array, dataset.chunkShape ?? shape.map(() => 1), plan, async ({ start, count }, read) => {
    const elements = columnMajor ? rowMajor(read, count, elementBytes) : read;
    const box = count.length === 0 ? undefined : { start, count };
    if (hasLongText) await dataset.write(nested(rowObjects(parts, elements, elementBytes), count) as Data, box);
    else await dataset.write(isPacked ? elements : packedRows(parts, layout, elements, elementBytes), box);
  }, (bytes) => {
    onWritten(bytes, rows ?? 0);
  });
}

/** Structures as the compound has them: without the space between fields, and with text as UTF-8. */
function packedRows(parts: readonly Part[], { bytes: rowBytes, offsets }: { bytes: number; offsets: readonly number[] }, elements: Buffer, elementBytes: number): Buffer {
  const count = elements.length / elementBytes;
  const rows = Buffer.alloc(count * rowBytes);
  for (const [index, { from, type }] of parts.entries()) {
    const offset = offsets[index] ?? 0;
    if (from.type.kind === 'text') {
      textValues(from.type, bytesOfPart(from, elements, elementBytes)).forEach((text, i) => rows.write(text, i * rowBytes + offset));
    } else {
      const size = type.kind === 'other' ? type.bytes : 0;
      for (let i = 0; i < count; i++) elements.copy(rows, i * rowBytes + offset, i * elementBytes + from.offset, i * elementBytes + from.offset + size);
    }
  }
  return rows;
}

/** Rows with text of variable length have no fixed size. */
function rowObjects(parts: readonly Part[], elements: Buffer, elementBytes: number): Record<string, unknown>[] {
  const columns = parts.map(({ name, from }): [string, ArrayLike<unknown>] => [name, valuesOf(from.type, bytesOfPart(from, elements, elementBytes))]);
  return Array.from({ length: elements.length / elementBytes }, (_, row) => Object.fromEntries(columns.map(([name, values]) => [name, values[row]])));
}

function reportOf({ shape, parts, isStructure }: NpyArray, { format, input: file }: { format: Format; input: string }, place: Place, plan: ImportPlan): ReturnType<PreparedInput['report']> {
  const unitsOf = ({ type }: Part): { units?: string } => (type.kind === 'other' && type.units !== undefined ? { units: type.units } : {});
  if (isStructure && shape.length === 1) {
    const columns = parts.map((part) => ({
      name: part.name,
      dtype: typeLabel(part.type),
      ...unitsOf(part),
      ...(part.shape === undefined ? {} : { shape: part.shape }),
      missing: 0,
    }));
    return { tables: [{ file, format, path: plan.as === 'table' ? ownPath(place) : ownGroup(place), rows: shape[0] ?? 0, columns }], arrays: [] };
  }
  if (isStructure && plan.as === 'table') return { tables: [], arrays: [{ file, format, path: ownPath(place), shape, dtype: 'compound' }] };
  const arrays = parts.map((part): ArrayReport => ({
    file,
    format,
    path: isStructure ? `${ownGroup(place)}/${part.name}`.replace('//', '/') : ownPath(place),
    shape: [...shape, ...(part.shape ?? [])],
    dtype: typeLabel(part.type),
    ...unitsOf(part),
  }));
  return { tables: [], arrays };
}
