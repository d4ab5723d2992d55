// What the works write that is not samples: rows of a table, and texts.

export const ROW_BYTES = 48;
const NAME_BYTES = 16;
/** Values of a call of 1 MiB. */
export const PIECE_VALUES = 2 ** 17;

/** Rows of { id: int64, a, b, c: float64, name: string(16) } one after the other. */
export function packedRows(count) {
  const rows = Buffer.alloc(count * ROW_BYTES);
  for (let i = 0; i < count; i += 1) {
    const at = i * ROW_BYTES;
    rows.writeBigInt64LE(BigInt(i), at);
    rows.writeDoubleLE(i * 0.5, at + 8);
    rows.writeDoubleLE(i * 0.25, at + 16);
    rows.writeDoubleLE(-i, at + 24);
    rows.write(`name-${String(i)}`, at + ROW_BYTES - NAME_BYTES);
  }
  return rows;
}

/** The same rows, column by column. @param texts `strings`, or `bytes` */
export function columns(count, texts) {
  const names = Array.from({ length: count }, (_, i) => `name-${String(i)}`);
  const bytes = Buffer.alloc(count * NAME_BYTES);
  names.forEach((name, i) => bytes.write(name, i * NAME_BYTES));
  const numbers = (value) => Float64Array.from({ length: count }, (_, i) => value(i));
  return {
    id: BigInt64Array.from({ length: count }, (_, i) => BigInt(i)),
    a: numbers((i) => i * 0.5),
    b: numbers((i) => i * 0.25),
    c: numbers((i) => -i),
    name: texts === 'bytes' ? bytes : names,
  };
}

/** Texts of 9 to 38 characters. */
export function texts(count) {
  return Array.from({ length: count }, (_, i) => `string-${String(i)}-${String.fromCharCode(97 + (i % 26)).repeat(i % 24)}`);
}
