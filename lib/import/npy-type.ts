// From numpy's names of types to what HDF5 has for them.
import { FreestoneError } from '../errors.js';
import { type DatatypeSpec, t } from '../hdf5/index.js';
import type { OtherType } from './column-type.js';
import { type Literal, type NpySource, corruptNpy } from './npy-header.js';

export type NpyType =
  /** What HDF5 has too: numbers, complex numbers, booleans and times. `swap`: bytes of its numbers where they are big-endian, otherwise 1. */
  | { readonly kind: 'same'; readonly form: 'number' | 'half' | 'complex'; readonly bytes: number; readonly swap: number; readonly stored: OtherType }
  /** Bytes (`S`) or UCS-4 (`U`) with zeros behind the text. */
  | { readonly kind: 'text'; readonly bytes: number; readonly unicode: false | 'little' | 'big' }
  | { readonly kind: 'structure'; readonly bytes: number; readonly fields: readonly NpyField[] };

export interface NpyField {
  readonly name: string;
  readonly type: NpyType;
  /** In the structure, in bytes. */
  readonly offset: number;
  /** Of the array that it is. */
  readonly shape?: readonly number[];
}

/** Bytes of an element are 32-bit numbers in HDF5. */
const maxElementBytes = 2 ** 31 - 1;

function refuse({ name }: Pick<NpySource, 'name'>, what: string, dtype: string): FreestoneError {
  return new FreestoneError('ERR_UNSUPPORTED', `${name}: ${what}`, { file: name, dtype });
}

const timeUnits: Readonly<Record<string, string>> = {
  W: 'weeks', D: 'days', h: 'hours', m: 'minutes', s: 'seconds', ms: 'milliseconds', us: 'microseconds', ns: 'nanoseconds', ps: 'picoseconds', fs: 'femtoseconds', as: 'attoseconds',
};

/** @throws {FreestoneError} ERR_UNSUPPORTED for a type that HDF5 or this package has not, ERR_CORRUPT_FILE for what is none */
export function npyType(source: Pick<NpySource, 'name'>, descr: Literal): NpyType {
  if (typeof descr === 'string') return plainType(source, descr);
  if (!Array.isArray(descr) || descr.length === 0) throw corruptNpy(source, 'its type is none');
  let offset = 0;
  const fields: NpyField[] = [];
  for (const item of descr as readonly Literal[]) {
    if (!Array.isArray(item) || item.length < 2 || item.length > 3) throw corruptNpy(source, 'its type is none');
    const [given, inner, shape] = item as readonly Literal[];
    // A field with a title is a pair of title and name.
    const name = Array.isArray(given) ? (given as readonly Literal[])[1] : given;
    if (typeof name !== 'string' || inner === undefined) throw corruptNpy(source, 'its type is none');
    const extents = (typeof shape === 'number' ? [shape] : (shape ?? [])) as readonly Literal[];
    if (!Array.isArray(extents) || !extents.every((extent): extent is number => Number.isSafeInteger(extent) && (extent as number) > 0)) {
      throw corruptNpy(source, 'the shape of a field is none');
    }
    const count = extents.reduce((product, extent) => product * extent, 1);
    // Without a name it is what aligned structures have between their fields.
    const padding = name === '' && typeof inner === 'string' ? /^\|V(\d+)$/.exec(inner) : null;
    if (padding !== null) offset += Number(padding[1]) * count;
    else {
      const type = npyType(source, inner);
      fields.push({ name, type, offset, ...(extents.length === 0 ? {} : { shape: extents }) });
      offset += type.bytes * count;
    }
    if (!Number.isSafeInteger(offset) || offset > maxElementBytes) throw corruptNpy(source, 'its elements are too large');
  }
  if (fields.length === 0) throw refuse(source, 'its elements have no fields', JSON.stringify(descr));
  return { kind: 'structure', bytes: offset, fields };
}

function plainType(source: Pick<NpySource, 'name'>, descr: string): NpyType {
  const [, order = '', kind = '', digits = '', rest = ''] = /^([<>|=]?)([a-zA-Z?])(\d*)(.*)$/.exec(descr) ?? [];
  const bytes = Number(digits === '' ? 1 : digits);
  const big = order === '>';
  if (kind === '') throw corruptNpy(source, `its type ${JSON.stringify(descr)} is none`);
  if (kind === 'O') throw refuse(source, 'its elements are Python objects, which only Python can read (pickle); save numbers or texts', descr);
  if (kind === 'S' || kind === 'a') return { kind: 'text', bytes: checkedBytes(source, bytes), unicode: false };
  if (kind === 'U') return { kind: 'text', bytes: checkedBytes(source, bytes * 4), unicode: big ? 'big' : 'little' };
  if (kind === 'V') throw refuse(source, `its elements are bytes without a meaning (${descr})`, descr);
  if (kind === 'M' || kind === 'm') return same('number', 'int64', 8, big, unitsOf(source, descr, kind, rest));
  if (rest !== '') throw corruptNpy(source, `its type ${JSON.stringify(descr)} is none`);
  const names: Readonly<Record<string, readonly number[]>> = { b: [1], i: [1, 2, 4, 8], u: [1, 2, 4, 8], f: [2, 4, 8], c: [8, 16] };
  if (names[kind]?.includes(bytes) !== true) throw refuse(source, `its type ${descr} cannot be stored`, descr);
  if (kind === 'b') return same('number', 'bool', 1, false);
  if (kind === 'c') return same('complex', bytes === 8 ? 'complex64' : 'complex128', bytes, big);
  if (kind === 'f') return same(bytes === 2 ? 'half' : 'number', `float${bytes * 8}`, bytes, big);
  return same('number', `${kind === 'u' ? 'uint' : 'int'}${bytes * 8}`, bytes, big);
}

function checkedBytes(source: Pick<NpySource, 'name'>, bytes: number): number {
  if (!Number.isSafeInteger(bytes) || bytes > maxElementBytes) throw corruptNpy(source, 'its elements are too large');
  return bytes;
}

function same(form: 'number' | 'half' | 'complex', name: string, bytes: number, big: boolean, time: { units?: string; fill?: bigint } = {}): NpyType {
  const width = form === 'complex' ? bytes / 2 : bytes;
  const swap = big && width > 1 ? width : 1;
  const dtype = swap === 1 ? name : `${name}be`;
  return { kind: 'same', form, bytes, swap, stored: { kind: 'other', dtype, datatype: dtype as DatatypeSpec, bytes, ...time } };
}

/** What the integers of datetime64 and timedelta64 count; not-a-time is the lowest of them. */
function unitsOf(source: Pick<NpySource, 'name'>, descr: string, kind: string, rest: string): { units: string; fill: bigint } {
  const unit = timeUnits[/^\[([a-zA-Z]+)\]$/.exec(rest)?.[1] ?? ''];
  if (unit === undefined) throw refuse(source, `times in ${rest === '' ? 'no unit' : rest} cannot be stored; astype('${kind}8[ns]') makes nanoseconds of them`, descr);
  const since = unit === 'days' || unit === 'weeks' ? ' since 1970-01-01' : ' since 1970-01-01 00:00:00';
  return { units: kind === 'M' ? unit + since : unit, fill: -(2n ** 63n) };
}

/**
 * A structure as one compound, where its rows are that as they are: packed, and made of what HDF5 has too.
 * @returns why not, in words, where they are not
 */
export function compoundOfStructure(fields: readonly NpyField[], bytes: number): OtherType | string {
  let end = 0;
  const members: [string, DatatypeSpec][] = [];
  for (const { name, type, offset, shape } of fields) {
    if (shape !== undefined) return `its field ${JSON.stringify(name)} is an array`;
    if (offset !== end) return 'there is space between its fields';
    if (type.kind === 'text') return `its field ${JSON.stringify(name)} is text`;
    const inner = type.kind === 'structure' ? compoundOfStructure(type.fields, type.bytes) : type.stored;
    if (typeof inner === 'string') return inner;
    members.push([name, inner.datatype]);
    end = offset + type.bytes;
  }
  if (end !== bytes) return 'there is space between its fields';
  // Members lie in the order of the object's keys, and those that look like array indices come first there.
  const made = Object.fromEntries(members);
  if (Object.keys(made).some((name, i) => name !== members[i]?.[0])) return 'its fields have numbers for names';
  if (members.some(([name]) => name === '' || name.includes('\0'))) return 'a field has no name';
  return { kind: 'other', dtype: 'compound', datatype: t.compound(made), bytes };
}
