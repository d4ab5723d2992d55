// Pictures of a file's space.
import type { FileSpaceStats, MapColumn, Section } from './types.js';

const WIDTH = 960;
const MARGIN = 24;
const ROW = 22;
const ROWS = 12;
const LINE = 20;
const COLOURS = { raw: '#1565c0', metadata: '#6a1b9a', other: '#00838f', free: '#eceff1', rest: '#b0bec5', pending: '#ef6c00' } as const;
/** Sections of one colour that are less than this many pixels apart are drawn as one. */
const HAIR = 0.3;

/** The file in parts of equal length. */
export function mapColumns(sections: readonly Section[], start: number, end: number, columns: number): MapColumn[] {
  const step = (end - start) / columns;
  const result = Array.from({ length: columns }, (_, i) => ({ offset: start + i * step, size: step, live: 0, free: 0, pending: 0 }));
  for (const { offset, size, state } of sections) {
    const first = step === 0 ? 0 : Math.min(columns - 1, Math.max(0, Math.floor((offset - start) / step)));
    for (let i = first; i < columns; i += 1) {
      const column = result[i];
      if (column === undefined || column.offset >= offset + size) break;
      const bytes = Math.min(column.offset + step, offset + size) - Math.max(column.offset, offset);
      if (bytes <= 0) continue;
      if (state === 'live') column.live += bytes;
      else if (state === 'pending') column.pending += bytes;
      else column.free += bytes;
    }
  }
  return result;
}

function colourOf({ state, kind }: Section): string {
  return state === 'live' ? COLOURS[kind ?? 'other'] : COLOURS[state];
}

/** The whole file in rows of equal length; each section says on hover what it is. */
export function drawSections(sections: readonly Section[], stats: FileSpaceStats): string {
  const start = sections[0]?.offset ?? 0;
  const length = Math.max(1, stats.endOfFile - start);
  const perRow = length / ROWS;
  const inner = WIDTH - 2 * MARGIN;
  const top = MARGIN + 3 * LINE;
  const parts: string[] = [];
  const text = (x: number, y: number, content: string, extra = ''): void => {
    parts.push(`<text x="${String(x)}" y="${String(y)}"${extra}>${content}</text>`);
  };
  const share = (100 * stats.free) / length;
  text(MARGIN, MARGIN + LINE / 2, `${String(stats.live)} of ${String(stats.endOfFile - start)} bytes live`, ' font-size="16" font-weight="600"');
  text(
    MARGIN,
    MARGIN + 1.6 * LINE,
    `${String(stats.free)} free in ${String(stats.holes)} holes, the largest ${String(stats.largestHole)}; ${String(stats.pending)} pending; fragmentation ${share.toFixed(1)} %`,
    ' fill="#607d8b"',
  );
  let drawn = { row: -1, x: 0, right: 0, colour: '' };
  for (const section of sections) {
    const colour = colourOf(section);
    const label = `${section.state}${section.kind === undefined ? '' : ` ${section.kind}`}: ${String(section.offset)}, ${String(section.size)} bytes`;
    const last = section.offset + section.size - start;
    for (let from = section.offset - start; from < last; ) {
      const row = Math.min(ROWS - 1, Math.floor(from / perRow));
      const to = row === ROWS - 1 ? last : Math.min(last, (row + 1) * perRow);
      const x = MARGIN + ((from - row * perRow) / perRow) * inner;
      const right = MARGIN + ((to - row * perRow) / perRow) * inner;
      from = to > from ? to : last;
      // A file has more sections than a picture has dots.
      if (row === drawn.row && right - drawn.right < HAIR && colour === drawn.colour) continue;
      drawn = { row, x, right, colour };
      parts.push(
        `<rect x="${x.toFixed(2)}" y="${String(top + row * (ROW + 6))}" width="${Math.max(HAIR, right - x).toFixed(2)}" height="${String(ROW)}" fill="${colour}"><title>${label}</title></rect>`,
      );
    }
  }
  const legend = top + ROWS * (ROW + 6) + LINE;
  Object.entries(COLOURS).forEach(([name, colour], i) => {
    parts.push(`<rect x="${String(MARGIN + i * 110)}" y="${String(legend - 11)}" width="14" height="14" fill="${colour}"/>`);
    text(MARGIN + i * 110 + 20, legend, name === 'other' ? 'no kind' : name);
  });
  const height = legend + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${String(WIDTH)}" height="${String(height)}" viewBox="0 0 ${String(WIDTH)} ${String(height)}" font-family="system-ui, sans-serif" font-size="12" fill="#263238">`,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}
