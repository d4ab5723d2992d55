// Plain text for a terminal.

/**
 * @param columns for each: `title`, and `text(row)`; the first is aligned left, the others right
 * @returns lines
 */
export function table(columns, rows) {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ text }) => text(row)))];
  const widths = columns.map((_, c) => Math.max(...cells.map((line) => line[c].length)));
  return cells.map((line) => line.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join('  '));
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const mib = (bytes) => String(Math.round(bytes / 2 ** 20));

/** 256 MiB, 1 GiB, 1.5 GiB. */
export const size = (bytes) => (bytes < 2 ** 30 ? `${mib(bytes)} MiB` : `${String(Math.round(bytes / 2 ** 30 * 100) / 100)} GiB`);
