// The datatypes as a user names them, and the way back from what a file says.
import { isDeepStrictEqual } from 'node:util';
import { FreestoneError, checkChoice, checkInteger, checkOptions, shown } from '../../errors.js';
import { corrupt, unsupported } from '../format/bytes.js';
import { maxTypeDepth, type DatatypeMessage } from '../format/datatype.js';
import {
  booleanType,
  complexType,
  compoundOf,
  compoundType,
  enumType,
  fixedStringType,
  isText,
  narrowIntegerType,
  numberType,
  variableStringType,
  type ElementType,
  type StringOptions,
  type HeapReader,
} from './element-type.js';
import { floatNames, integerNames, type FloatName, type IntegerName } from './number-kind.js';

type BigEndian = `${Exclude<IntegerName, 'int8' | 'uint8'> | FloatName | 'complex64' | 'complex128'}be`;

/** A datatype by name. Numbers are little-endian unless the name ends in `be`; `string` is variable-length UTF-8. */
export type DatatypeName = IntegerName | FloatName | 'complex64' | 'complex128' | BigEndian | 'bool' | 'string';

/** A datatype made by one of the functions of `t`. */
export interface Datatype {
  /** As a person would write it. */
  readonly name: string;
  /** Bytes of one element; 16 for a variable-length string, whose text is in the file's heap. */
  readonly size: number;
}

export type DatatypeSpec = DatatypeName | Datatype;

const elementTypes = new WeakMap<Datatype, ElementType>();

/** The public face of a type, which says what it is and hides how its bytes are made. */
export function datatypeOf(element: ElementType): Datatype {
  const datatype = Object.freeze({ name: element.name, size: element.size });
  elementTypes.set(datatype, element);
  return datatype;
}

const named = new Map<string, ElementType>([
  ...[...integerNames, ...floatNames].flatMap((name): [string, ElementType][] => {
    const little = numberType(name, false);
    return little.size === 1 ? [[name, little]] : [[name, little], [`${name}be`, numberType(name, true)]];
  }),
  ...[false, true].flatMap((bigEndian): [string, ElementType][] => [
    [`complex64${bigEndian ? 'be' : ''}`, complexType('float32', bigEndian)],
    [`complex128${bigEndian ? 'be' : ''}`, complexType('float64', bigEndian)],
  ]),
  ['bool', booleanType()],
  ['string', variableStringType()],
]);

/** @throws {FreestoneError} ERR_INVALID_ARGUMENT for what is no datatype */
export function elementType(spec: unknown): ElementType {
  const found = typeof spec === 'string' ? named.get(spec) : typeof spec === 'object' && spec !== null ? elementTypes.get(spec as Datatype) : undefined;
  if (found !== undefined) return found;
  throw new FreestoneError(
    'ERR_INVALID_ARGUMENT',
    `${shown(spec)} is not a dtype; there are ${[...named.keys()].filter((name) => !name.endsWith('be')).join(', ')}, ` +
      'big-endian ones such as float64be, and those made by t.string, t.integer, t.enum and t.compound',
    { dtype: spec },
  );
}

/** The largest element: a chunk, which holds at least one, is smaller than 4 GiB. */
const MAX_ELEMENT_SIZE = 2 ** 32 - 1;

/** Makes the datatypes that have parameters. */
export const t = {
  /**
   * Text in a fixed number of bytes.
   * @param size bytes, not characters, 1 or more
   * @throws {FreestoneError} ERR_INVALID_SIZE, ERR_INVALID_ARGUMENT
   */
  string(size: number, options: StringOptions = {}): Datatype {
    checkInteger('size', size, { min: 1, max: MAX_ELEMENT_SIZE, code: 'ERR_INVALID_SIZE' });
    checkOptions('a string type', options, ['encoding', 'pad']);
    checkChoice('encoding', options.encoding ?? 'utf8', ['utf8', 'ascii']);
    checkChoice('pad', options.pad ?? 'null', ['null', 'space', 'nullterm']);
    return datatypeOf(fixedStringType(size, options));
  },

  /**
   * Integers that need not all bits of their bytes, such as `t.integer('int16', { precision: 12 })` for a converter's samples, which the
   * filter nbit stores in just these bits. They are read as arrays of numbers, of bigints where the base has 64 bits.
   * @param base what the elements take in memory
   * @param bits.precision how many bits the number has, its sign among them; 1 to those of the base
   * @param bits.offset how many bits lie below it, which are zero; 0 unless given
   * @throws {FreestoneError} ERR_INVALID_ARGUMENT
   */
  integer(base: IntegerName | `${IntegerName}be`, bits: { readonly precision: number; readonly offset?: number }): Datatype {
    const element = elementType(base);
    const { message, size } = element;
    if (message.class !== 'integer' || message.bits !== undefined) {
      throw new FreestoneError('ERR_INVALID_ARGUMENT', `an integer of fewer bits needs an integer type as its base, not ${element.name}`, { base });
    }
    checkOptions('an integer of fewer bits', bits, ['precision', 'offset']);
    const precision = checkInteger('precision', bits.precision, { min: 1, max: size * 8 });
    const offset = checkInteger('offset', bits.offset ?? 0, { max: size * 8 - precision });
    return precision === size * 8 ? datatypeOf(element) : datatypeOf(narrowInteger(message, { precision, offset }));
  },

  /**
   * Names for integers, such as `t.enum({ off: 0, on: 1 })`.
   * @param base an integer type; int8 where all values fit, else int32
   * @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_TYPE_MISMATCH for a value that the base cannot hold
   */
  enum(members: Readonly<Record<string, number>>, base?: IntegerName | `${IntegerName}be`): Datatype {
    checkMembers('an enum', members);
    const numbers = Object.fromEntries(Object.entries(members).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]));
    const values = Object.values(numbers);
    const element = elementType((base ?? (values.every((value) => value >= -128 && value < 128) ? 'int8' : 'int32')));
    if (element.message.class !== 'integer') {
      throw new FreestoneError('ERR_INVALID_ARGUMENT', `an enum needs an integer type as its base, not ${element.name}`, { base });
    }
    return datatypeOf(enumType(element, numbers));
  },

  /**
   * Several named values in one element, packed without gaps as numpy packs them.
   * @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_INVALID_SIZE
   */
  compound(members: Readonly<Record<string, DatatypeSpec>>): Datatype {
    checkMembers('a compound', members);
    const element = compoundType(
      Object.fromEntries(Object.entries(members).map(([name, member]) => [name, elementType(member)])),
    );
    checkInteger('the size of a compound', element.size, { max: MAX_ELEMENT_SIZE, code: 'ERR_INVALID_SIZE' });
    if (levels(element.message) > maxTypeDepth) {
      throw new FreestoneError('ERR_INVALID_ARGUMENT', `compounds are nested in each other up to ${String(maxTypeDepth)} deep`);
    }
    return datatypeOf(element);
  },
} as const;

function levels(type: DatatypeMessage): number {
  return type.class === 'compound' ? 1 + Math.max(...type.members.map((member) => levels(member.type))) : 1;
}

function checkMembers(what: string, members: unknown): void {
  if (typeof members !== 'object' || members === null || Array.isArray(members)) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `${what} is made of an object that has its members, not of ${shown(members)}`);
  }
  const names = Object.keys(members);
  // The count is a 16-bit number in the file.
  if (names.length === 0 || names.length > 65535) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `${what} has 1 to 65535 members, not ${String(names.length)}`);
  }
  const wrong = names.find((name) => name === '' || !isText(name));
  if (wrong !== undefined) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `${what} cannot have a member named ${JSON.stringify(wrong)}`, { member: wrong });
  }
}

const refuse = (): never => {
  throw corrupt('an integer refers to variable-length data');
};
const noHeap: HeapReader = { read: refuse, readTexts: refuse };

/** Descriptions that many objects have in common are the same object. */
const typesOf = new WeakMap<DatatypeMessage, ElementType>();

/** The type that a file's description stands for. @throws {FreestoneError} ERR_UNSUPPORTED, with the feature's name */
export function elementTypeOf(message: DatatypeMessage): ElementType {
  let type = typesOf.get(message);
  if (type === undefined) typesOf.set(message, (type = describedType(message)));
  return type;
}

function describedType(message: DatatypeMessage): ElementType {
  switch (message.class) {
    case 'integer':
      if (message.bits !== undefined) return narrowInteger(message, message.bits);
      return known(`${message.signed ? 'int' : 'uint'}${String(message.size * 8)}`, message.bigEndian && message.size > 1);
    case 'float': {
      const found = known(`float${String(message.size * 8)}`, message.bigEndian);
      // bfloat16 has the size of float16 and other bits for the exponent.
      if (found.message.class === 'float' && isDeepStrictEqual(found.message.layout, message.layout)) return found;
      throw unsupported(`a floating-point type of ${String(message.layout.exponentSize)} bits of exponent and ${String(message.layout.mantissaSize)} of mantissa`);
    }
    case 'string':
      if (message.size === 0) throw corrupt('a string type has no bytes');
      return fixedStringType(message.size, { encoding: message.charset, pad: message.pad });
    case 'vlen':
      if (message.of === 'string') return variableStringType(message.charset);
      throw unsupported('a variable-length sequence');
    case 'enum': {
      const base = elementTypeOf(message.base);
      const values = Buffer.from(message.values);
      if (base.message.class !== 'integer' || base.size !== message.size) throw corrupt('an enumeration is not of the integers that it is said to be of');
      const members = Object.fromEntries(
        message.names.map((name, i) => [name, Number(base.get(values, i * base.size, noHeap))]),
      );
      if (!Object.values(members).every(Number.isSafeInteger)) throw unsupported('an enumeration with values beyond 2^53');
      if (new Set(Object.values(members)).size !== message.names.length) throw corrupt('an enumeration has a name or a value twice');
      const isBoolean = base.name === 'int8' && message.names.length === 2 && members['FALSE'] === 0 && members['TRUE'] === 1;
      return isBoolean ? booleanType() : enumType(base, members);
    }
    case 'compound': {
      const members = message.members.map(({ type, ...place }) => ({ ...place, type: elementTypeOf(type) }));
      if (message.size === 0 || members.some(({ offset, type }) => offset + type.size > message.size)) {
        throw corrupt('a member of a compound lies outside of it');
      }
      const [r, i] = members;
      const isComplex =
        members.length === 2 && r?.name === 'r' && i?.name === 'i' && r.type.name === i.type.name && r.offset === 0 && i.offset === r.type.size;
      const complex = isComplex && /^float(32|64)/.exec(r.type.name);
      if (complex && message.size === 2 * r.type.size) return known(`complex${String(message.size * 8)}`, r.type.name.endsWith('be'));
      return compoundOf(members, message.size);
    }
    default:
      throw unsupported(`the datatype class ${message.class}`);
  }
}

function narrowInteger(message: DatatypeMessage & { readonly class: 'integer' }, bits: { readonly precision: number; readonly offset: number }): ElementType {
  const { size, signed, bigEndian } = message;
  const { name } = known(`${signed ? 'int' : 'uint'}${String(size * 8)}`, false);
  return narrowIntegerType(name as IntegerName, bigEndian && size > 1, bits);
}

function known(name: string, bigEndian: boolean): ElementType {
  const found = named.get(bigEndian ? `${name}be` : name);
  if (found === undefined) throw unsupported(`the datatype ${name}`);
  return found;
}
