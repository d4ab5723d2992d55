// A picture of a heap: the segments of each class, slab by slab, and how well each layer's hints serve.
import type { NativeHeapStats } from '../native.js';

const CELL = 10;
const GAP = 2;
const LABEL = 96;
const COLUMNS = 64;
const MARGIN = 24;
const LINE = 20;
const WIDTH = MARGIN * 2 + LABEL + COLUMNS * (CELL + GAP) + 130;
/** More slabs of a class than this share cells. */
const MOST_CELLS = 256;

const numbers = 5;

function bytes(value: number): string {
  if (value < 1024) return `${String(value)} B`;
  if (value < 2 ** 20) return `${String(Math.round((value / 1024) * 100) / 100)} KiB`;
  return `${String(Math.round((value / 2 ** 20) * 10) / 10)} MiB`;
}

function fill(share: number): string {
  return share === 0 ? '#eceff1' : `hsl(210 65% ${String(Math.round(82 - 50 * share))}%)`;
}

/** @param slabs class, units in use, capacity, segment and position of each slab in turn */
export function heapToSvg(stats: NativeHeapStats, slabs: Float64Array): string {
  const perClass = new Map<number, { used: number; capacity: number; segment: number }[]>();
  for (let at = 0; at < slabs.length; at += numbers) {
    const [index = 0, used = 0, capacity = 0, segment = 0] = slabs.subarray(at, at + numbers);
    const list = perClass.get(index) ?? [];
    perClass.set(index, list);
    list.push({ used, capacity, segment });
  }
  const parts: string[] = [];
  let y = MARGIN + LINE / 2;
  const text = (x: number, content: string, extra = ''): void => {
    parts.push(`<text x="${String(x)}" y="${String(y)}"${extra}>${content}</text>`);
  };
  text(MARGIN, `${bytes(stats.allocated)} live in ${bytes(stats.committed)}`, ' font-size="16" font-weight="600"');
  y += LINE;
  text(MARGIN, `arenas of the process: ${String(stats.arenas)}, ${bytes(stats.arenaBytes)}; local heaps: ${String(stats.localHeaps)}; units freed by other threads: ${String(stats.remoteFrees)}`, ' fill="#607d8b"');
  y += LINE;
  text(MARGIN, 'a square is a slab, darker the fuller; a gap begins a segment', ' fill="#607d8b"');
  y += LINE;
  for (const [index, list] of [...perClass].sort(([a], [b]) => a - b)) {
    const each = stats.perClass[index];
    y += LINE / 2;
    const top = y;
    y += CELL;
    text(MARGIN, bytes(each?.size ?? 0), ' font-weight="600"');
    text(WIDTH - MARGIN - 122, `${String(each?.units ?? 0)} of ${String(each?.capacity ?? 0)}`, ' fill="#607d8b"');
    const together = Math.max(1, Math.ceil(list.length / MOST_CELLS));
    let column = 0;
    let row = 0;
    let indent = 0;
    let segment = list[0]?.segment;
    for (let first = 0; first < list.length; first += together) {
      const cell = list.slice(first, first + together);
      if (together === 1 && cell[0]?.segment !== segment) {
        segment = cell[0]?.segment;
        indent += 1;
      }
      if (column * (CELL + GAP) + indent * GAP + CELL > COLUMNS * (CELL + GAP)) {
        column = 0;
        indent = 0;
        row += 1;
      }
      const used = cell.reduce((sum, slab) => sum + slab.used, 0);
      const capacity = cell.reduce((sum, slab) => sum + slab.capacity, 0);
      const x = MARGIN + LABEL + column * (CELL + GAP) + indent * GAP;
      parts.push(
        `<rect x="${String(x)}" y="${String(top + row * (CELL + GAP))}" width="${String(CELL)}" height="${String(CELL)}" rx="1.5" fill="${fill(used / capacity)}">` +
          `<title>${String(used)} of ${String(capacity)} units of ${bytes(each?.size ?? 0)}</title></rect>`,
      );
      column += 1;
    }
    y = top + (row + 1) * (CELL + GAP);
  }
  y += LINE * 1.5;
  text(MARGIN, `large blocks: ${String(stats.large.count)}, ${bytes(stats.large.bytes)}; kept for later: ${String(stats.large.cachedCount)}, ${bytes(stats.large.cachedBytes)}`);
  y += LINE;
  const names = { unit: 'unit from the cursor', slab: 'slab from the queue', arena: 'arena last used', large: 'large block kept' } as const;
  for (const [name, label] of Object.entries(names)) {
    const { hits, misses } = stats.caches[name as keyof typeof names];
    const share = hits + misses === 0 ? 0 : hits / (hits + misses);
    y += LINE;
    text(MARGIN, label);
    parts.push(
      `<rect x="${String(MARGIN + 160)}" y="${String(y - CELL)}" width="300" height="${String(CELL)}" rx="1.5" fill="#eceff1"/>`,
      `<rect x="${String(MARGIN + 160)}" y="${String(y - CELL)}" width="${(300 * share).toFixed(1)}" height="${String(CELL)}" rx="1.5" fill="hsl(140 45% 50%)"/>`,
    );
    text(MARGIN + 470, `${(100 * share).toFixed(2)} % of ${String(hits + misses)}`, ' fill="#607d8b"');
  }
  const height = y + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${String(WIDTH)}" height="${String(height)}" viewBox="0 0 ${String(WIDTH)} ${String(height)}" font-family="system-ui, sans-serif" font-size="12" fill="#263238">`,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}
