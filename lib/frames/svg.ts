// A picture of a region: its blocks by zone and node, and how full each is.
import type { FrameStats } from './frame-allocator.js';
import type { ZoneKind } from './request.js';

const CELL = 10;
const GAP = 2;
const COLUMNS = 64;
/** More blocks than this share squares, so that the picture of a terabyte opens as fast as that of a gigabyte. */
const MOST_CELLS = 4096;
const MARGIN = 24;
const LINE = 20;
const WIDTH = MARGIN * 2 + COLUMNS * (CELL + GAP);

const hues: Readonly<Record<ZoneKind, number>> = { normal: 210, dma: 25, huge: 140, device: 280 };

interface Section {
  readonly zone: number;
  readonly node: number;
  readonly blocks: number[];
}

function fill(kind: ZoneKind, share: number): string {
  return share === 0 ? '#eceff1' : `hsl(${String(hues[kind])} 65% ${String(Math.round(82 - 50 * share))}%)`;
}

/** @param map a byte a block: 0 empty, 255 full. @param places zone and node of each block in turn */
export function framesToSvg(stats: FrameStats, map: Uint8Array, places: Uint8Array): string {
  const sections = new Map<string, Section>();
  map.forEach((_, block) => {
    const [zone = 0, node = 0] = places.subarray(2 * block, 2 * block + 2);
    const key = `${String(zone)}:${String(node)}`;
    const section = sections.get(key) ?? { zone, node, blocks: [] };
    sections.set(key, section);
    section.blocks.push(block);
  });
  const blocksPerCell = Math.max(1, Math.ceil(map.length / MOST_CELLS));
  const parts: string[] = [];
  let y = MARGIN + LINE;
  const text = (x: number, content: string, extra = ''): void => {
    parts.push(`<text x="${String(x)}" y="${String(y)}"${extra}>${content}</text>`);
  };
  const used = stats.totalFrames - stats.freeFrames;
  text(MARGIN, `${String(used)} of ${String(stats.totalFrames)} frames in use`, ' font-size="16" font-weight="600"');
  y += LINE;
  text(MARGIN, `a square is ${blocksPerCell === 1 ? 'a block' : `${String(blocksPerCell)} blocks`} of 512 frames`, ' fill="#607d8b"');
  y += LINE;
  for (const { zone, node, blocks } of sections.values()) {
    const kind = stats.perZone[zone]?.kind ?? 'normal';
    y += LINE;
    text(MARGIN, `zone ${kind}, node ${String(stats.perNode[node]?.id ?? node)}`, ' font-weight="600"');
    y += LINE / 2;
    for (let first = 0; first < blocks.length; first += blocksPerCell) {
      const cell = blocks.slice(first, first + blocksPerCell);
      const share = cell.reduce((sum, block) => sum + (map[block] ?? 0), 0) / (255 * cell.length);
      const at = first / blocksPerCell;
      const x = MARGIN + (at % COLUMNS) * (CELL + GAP);
      const top = y + Math.floor(at / COLUMNS) * (CELL + GAP);
      const blockRange = cell.length === 1 ? `block ${String(cell[0])}` : `blocks ${String(cell[0])} to ${String(cell.at(-1))}`;
      parts.push(
        `<rect x="${String(x)}" y="${String(top)}" width="${String(CELL)}" height="${String(CELL)}" rx="1.5" fill="${fill(kind, share)}">` +
          `<title>${blockRange}: ${(100 * share).toFixed(1)} % in use</title></rect>`,
      );
    }
    y += Math.ceil(blocks.length / blocksPerCell / COLUMNS) * (CELL + GAP) + LINE / 2;
  }
  y += LINE;
  let x = MARGIN;
  for (const kind of new Set(stats.perZone.map((zone) => zone.kind))) {
    text(x, kind);
    x += 64;
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      parts.push(`<rect x="${String(x)}" y="${String(y - CELL)}" width="${String(CELL)}" height="${String(CELL)}" rx="1.5" fill="${fill(kind, share)}"/>`);
      x += CELL + GAP;
    }
    x += 24;
  }
  text(x, 'empty to full', ' fill="#607d8b"');
  const height = y + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${String(WIDTH)}" height="${String(height)}" viewBox="0 0 ${String(WIDTH)} ${String(height)}" font-family="system-ui, sans-serif" font-size="12" fill="#263238">`,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}
