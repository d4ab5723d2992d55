// Fragmentation over time, drawn.
import type { Replay } from './simulate.js';

const WIDTH = 960;
const HEIGHT = 420;
const LEFT = 64;
const TOP = 56;
const RIGHT = 180;
const BOTTOM = 48;
const COLOURS: Readonly<Record<Replay['strategy'], string>> = {
  'end-of-file': '#78909c',
  'first-fit': '#ef6c00',
  'best-fit': '#1565c0',
  'worst-fit': '#c62828',
};

/** One line for each replay of one trace: an SVG document. */
export function drawReplays(replays: readonly Replay[]): string {
  const inner = { width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM };
  const most = Math.max(0.01, ...replays.flatMap(({ fragmentation }) => fragmentation));
  const y = (share: number): number => TOP + inner.height * (1 - share / most);
  const parts = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const at = y(part * most).toFixed(1);
    return `<line x1="${String(LEFT)}" x2="${String(LEFT + inner.width)}" y1="${at}" y2="${at}" stroke="#eceff1"/><text x="${String(LEFT - 8)}" y="${at}" text-anchor="end" dominant-baseline="middle">${(100 * part * most).toFixed(1)} %</text>`;
  });
  replays.forEach(({ strategy, fragmentation, fileSize }, i) => {
    const step = inner.width / Math.max(1, fragmentation.length - 1);
    const points = fragmentation.map((share, n) => `${(LEFT + n * step).toFixed(1)},${y(share).toFixed(1)}`).join(' ');
    const legend = TOP + 12 + i * 40;
    parts.push(
      `<polyline fill="none" stroke="${COLOURS[strategy]}" stroke-width="1.5" points="${points}"><title>${strategy}</title></polyline>`,
      `<rect x="${String(WIDTH - RIGHT + 16)}" y="${String(legend - 9)}" width="12" height="12" fill="${COLOURS[strategy]}"/>`,
      `<text x="${String(WIDTH - RIGHT + 34)}" y="${String(legend + 1)}">${strategy}</text>`,
      `<text x="${String(WIDTH - RIGHT + 34)}" y="${String(legend + 16)}" fill="#607d8b">${fileSize.toLocaleString('en')} bytes</text>`,
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${String(WIDTH)}" height="${String(HEIGHT)}" viewBox="0 0 ${String(WIDTH)} ${String(HEIGHT)}" font-family="system-ui, sans-serif" font-size="12" fill="#263238">`,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    `<text x="${String(LEFT)}" y="30" font-size="16" font-weight="600">Free share of the file over the trace</text>`,
    ...parts,
    `<text x="${String(LEFT)}" y="${String(HEIGHT - 18)}" fill="#607d8b">first call</text><text x="${String(LEFT + inner.width)}" y="${String(HEIGHT - 18)}" text-anchor="end" fill="#607d8b">last call</text>`,
    '</svg>',
    '',
  ].join('\n');
}
