// How figures and colours look on a terminal.
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Whether standard output is a terminal that shows colours. */
export function hasColours(): boolean {
  return process.stdout.isTTY && process.env['NO_COLOR'] === undefined && process.env['TERM'] !== 'dumb';
}

export function styled(style: Style, text: string): string {
  return hasColours() ? styleText(style, text) : text;
}

/** Rows of cells in columns that line up; the last column is as long as it is. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  return rows.map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join('  ').trimEnd()).join('\n');
}
