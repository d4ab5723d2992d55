// `freestone map`: which bytes of a file belong to what, drawn in the terminal.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { formatBytes } from '../errors.js';
import { H5File, type ExtentKind, type FileExtent } from '../hdf5/index.js';
import type { Command } from './command.js';
import { mapPage, mapSVG } from './map-page.js';
import { hasColours, styled, table } from './terminal.js';

const usage = `Usage: freestone map [options] <file>

Draws the space of an HDF5 file: each cell of the bar is an equal share of its
bytes and shows what most of them are.

  -n, --top <n>      list the n owners with the most bytes (10)
      --html <file>  write a page instead: the file as a bar that can be zoomed,
                     what each extent is on hover, and the holes
      --svg <file>   write a picture instead
      --json         every extent as one JSON document on standard output
  -h, --help         show this text`;

const BAR_ROWS = 4;

interface KindStyle {
  readonly colour: Parameters<typeof styled>[0];
  readonly letter: string;
  readonly meaning: string;
}

const kinds: Readonly<Record<ExtentKind, KindStyle>> = {
  superblock: { colour: 'magenta', letter: 'S', meaning: 'superblock' },
  header: { colour: 'yellow', letter: 'h', meaning: 'object headers' },
  index: { colour: 'blue', letter: 'i', meaning: 'chunk indexes' },
  data: { colour: 'green', letter: '#', meaning: 'raw data' },
  heap: { colour: 'cyan', letter: 'v', meaning: 'variable-length data' },
  unused: { colour: 'gray', letter: '.', meaning: 'unused' },
};
const kindNames = Object.keys(kinds) as ExtentKind[];

function cell(kind: ExtentKind): string {
  return hasColours() ? styled(kinds[kind].colour, '█') : kinds[kind].letter;
}

/** What most bytes of each of `cells` equal parts are. */
export function dominantKinds(extents: readonly FileExtent[], total: number, cells: number): ExtentKind[] {
  const shares = Array.from({ length: cells }, () => new Map<ExtentKind, number>());
  const width = total / cells;
  for (const { offset, size, kind } of extents) {
    const last = Math.min(cells - 1, Math.floor((offset + size - 1) / width));
    for (let at = Math.floor(offset / width); at <= last; at += 1) {
      const share = Math.min(offset + size, (at + 1) * width) - Math.max(offset, at * width);
      const of = shares[at];
      of?.set(kind, (of.get(kind) ?? 0) + share);
    }
  }
  return shares.map((of) => [...of].reduce<[ExtentKind, number]>((best, next) => (next[1] > best[1] ? next : best), ['unused', 0])[0]);
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`;
}

/** The whole picture, as text. @param columns the terminal's width */
export function drawMap(path: string, extents: readonly FileExtent[], columns: number, top: number): string {
  const total = extents.reduce((end, { offset, size }) => Math.max(end, offset + size), 0);
  const width = Math.max(20, Math.min(columns, 120) - 2);
  // A cell is a byte at least.
  const cells = dominantKinds(extents, total, Math.min(total, width * BAR_ROWS));
  const bar: string[] = [];
  for (let at = 0; at < cells.length; at += width) bar.push(`  ${cells.slice(at, at + width).map(cell).join('')}`);

  const byKind = kindNames.flatMap((kind) => {
    const own = extents.filter((extent) => extent.kind === kind);
    const size = own.reduce((sum, extent) => sum + extent.size, 0);
    return own.length === 0 ? [] : [[`  ${cell(kind)} ${kinds[kind].meaning}`, formatBytes(size), percent(size, total), `${String(own.length)} extents`]];
  });
  const owners = new Map<string, { size: number; extents: number }>();
  for (const { owner, size } of extents) {
    if (owner === '') continue;
    const sum = owners.get(owner) ?? { size: 0, extents: 0 };
    owners.set(owner, { size: sum.size + size, extents: sum.extents + 1 });
  }
  const largest = [...owners].sort(([, a], [, b]) => b.size - a.size);
  const listed = largest
    .slice(0, top)
    .map(([owner, { size, extents: count }]) => [`  ${owner}`, formatBytes(size), percent(size, total), `${String(count)} extents`]);
  const rest = largest.length - listed.length;
  return [
    `${path}  ${formatBytes(total)}, each cell ${formatBytes(total / cells.length)}`,
    '',
    ...bar,
    '',
    table(byKind),
    '',
    table(listed),
    ...(rest > 0 ? [`  and ${String(rest)} more`] : []),
  ].join('\n');
}

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      top: { type: 'string', short: 'n', default: '10' },
      html: { type: 'string' },
      svg: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const [path, ...more] = positionals;
  const top = Number(values.top);
  if (path === undefined || more.length > 0 || !Number.isSafeInteger(top) || top < 0) {
    console.error(usage);
    return 2;
  }
  await using file = await H5File.open(path);
  const extents = file.map();
  if (values.html !== undefined) await writeFile(values.html, mapPage(path, extents));
  if (values.svg !== undefined) await writeFile(values.svg, mapSVG(path, extents));
  if (values.html !== undefined || values.svg !== undefined) return 0;
  if (values.json) console.log(JSON.stringify(extents, null, 2));
  else console.log(drawMap(path, extents, process.stdout.isTTY ? process.stdout.columns : 80, top));
  return 0;
}

export const map: Command = { name: 'map', summary: "draw a file's space", usage, run };
