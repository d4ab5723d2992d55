// From what h5dump prints to what h5py prints, so that one expectation serves both.
import type { Dumped } from './h5dump.js';
import type { DescribedType, Printed } from './h5py.js';
import { floatDigits } from './kinds.js';

const specials: Readonly<Record<string, number>> = { nan: NaN, '-nan': NaN, inf: Infinity, '-inf': -Infinity };

/** One value of h5dump as read_h5.py would print it. A text that is not there is `NULL`, which no text of the tests is. */
export function asPrinted(type: DescribedType, value: Dumped): Printed {
  switch (type.class) {
    case 'integer':
      return bare(value);
    case 'float': {
      const digits = bare(value);
      return floatDigits(specials[digits] ?? Number(digits), type.size);
    }
    case 'enum': {
      const name = bare(value);
      const number = type.members[name] ?? name;
      const isBoolean = Object.keys(type.members).join() === 'FALSE,TRUE';
      return isBoolean ? String(number === '1') : number;
    }
    case 'string': {
      if (!('text' in value)) return 'NULL';
      if (type.size === 'variable' || type.pad === 'nullterm') return value.text;
      return value.text.replace(type.pad === 'space' ? / +$/ : /\0+$/, '');
    }
    case 'compound':
      if (!Array.isArray(value)) throw new Error(`h5dump was expected to print a compound: ${JSON.stringify(value)}`);
      return type.members.map(({ type: member }, i) => asPrinted(member, (value as readonly Dumped[])[i] ?? { bare: 'missing' }));
  }
}

/** Bits of the fraction of a float, by its bytes. */
const fractionBits: Readonly<Record<number, bigint>> = { 2: 10n, 4: 23n, 8: 52n };

/**
 * A value with zeros for subnormal numbers. Some builds of the plug-ins for lzf and bitshuffle set that mode when h5dump loads them, and
 * it prints such numbers so.
 */
export function flushed(type: DescribedType, value: Printed): Printed {
  if (type.class === 'float' && typeof value === 'string' && value !== 'nan') {
    const bits = BigInt(`0x${value}`);
    const sign = bits >> BigInt(type.size * 8 - 1) << BigInt(type.size * 8 - 1);
    return (bits - sign) >> (fractionBits[type.size] ?? 0n) === 0n ? sign.toString(16) : value;
  }
  if (type.class === 'compound' && Array.isArray(value)) return type.members.map((member, i) => flushed(member.type, (value as readonly Printed[])[i] ?? ''));
  return value;
}

function bare(value: Dumped): string {
  if ('bare' in value) return value.bare;
  throw new Error(`h5dump was expected to print a number or a name: ${JSON.stringify(value)}`);
}

/** How h5dump names a type, without what is in quotes. */
export function typeWords(type: DescribedType): string {
  switch (type.class) {
    case 'integer':
      return `H5T_STD_${type.signed ? 'I' : 'U'}${String(type.precision)}${type.order}`;
    case 'float':
      return type.size === 2
        ? `16-bit ${type.order === 'LE' ? 'little' : 'big'}-endian floating-point 16-bit precision`
        : `H5T_IEEE_F${String(type.precision)}${type.order}`;
    case 'enum':
      return ['H5T_ENUM', typeWords(type.base), ...Object.values(type.members)].join(' ');
    case 'string': {
      const size = type.size === 'variable' ? 'H5T_VARIABLE' : String(type.size);
      const pad = { nullterm: 'H5T_STR_NULLTERM', null: 'H5T_STR_NULLPAD', space: 'H5T_STR_SPACEPAD' }[type.pad] ?? type.pad;
      return `H5T_STRING STRSIZE ${size} STRPAD ${pad} CSET H5T_CSET_${type.charset === 'utf8' ? 'UTF8' : 'ASCII'} CTYPE H5T_C_S1`;
    }
    case 'compound':
      return ['H5T_COMPOUND', ...type.members.map(({ type: member }) => typeWords(member))].join(' ');
  }
}
