// `freestone ls`: the groups, datasets and attributes of a file.
import { parseArgs } from 'node:util';
import { formatBytes } from '../errors.js';
import { type Dataset, Group, H5File } from '../hdf5/index.js';
import type { Command } from './command.js';
import { table } from './terminal.js';

const usage = `Usage: freestone ls [options] <file> [path]

Lists what is in an HDF5 file.

  -r, --recursive    list what is in groups too
  -a, --attributes   list attributes and their values
  -m, --messages     show each object's header as the file has it
      --json         one JSON document on standard output
  -h, --help         show this text`;

interface Entry {
  readonly path: string;
  readonly type: 'group' | 'dataset';
  readonly dtype?: string;
  readonly shape?: readonly number[];
  readonly maxShape?: readonly (number | null)[];
  readonly chunks?: readonly number[] | null;
  readonly filters?: readonly string[];
  readonly storageSize?: number;
  readonly attributes: Readonly<Record<string, unknown>>;
}

function entry(node: Group | Dataset): Entry {
  const attributes = Object.fromEntries([...node.attrs.keys()].map((name) => [name, node.attrs.get(name)]));
  if (node instanceof Group) return { path: node.path, type: 'group', attributes };
  return {
    path: node.path,
    type: 'dataset',
    dtype: node.dtype.name,
    shape: node.shape,
    maxShape: node.maxShape,
    chunks: node.chunkShape,
    filters: node.filters.map(({ name, level }) => (level === undefined ? name : `${name}(${String(level)})`)),
    storageSize: node.storageSize,
    attributes,
  };
}

function* walk(node: Group | Dataset, depth: number): Generator<Group | Dataset> {
  yield node;
  if (!(node instanceof Group) || depth === 0) return;
  for (const name of node.keys()) {
    // What a soft link leads to is listed where it is.
    if (node.softTarget(name) === undefined) yield* walk(node.get(name), depth - 1);
  }
}

function extent({ shape = [], maxShape = [] }: Entry): string {
  if (shape.length === 0) return 'scalar';
  const part = (size: number, d: number): string => {
    const limit = maxShape[d] ?? null;
    return limit === size ? String(size) : `${String(size)}/${limit === null ? '∞' : String(limit)}`;
  };
  return `[${shape.map(part).join(' × ')}]`;
}

/** JSON has no integers beyond 2^53: those are given as text. */
export function jsonValue(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? (Number.isSafeInteger(Number(value)) ? Number(value) : value.toString()) : value;
}

function rowsOf(item: Entry, withAttributes: boolean): string[][] {
  const first =
    item.type === 'group'
      ? [item.path, 'group']
      : [
          item.path,
          item.dtype ?? '',
          extent(item),
          item.chunks ? `chunks [${item.chunks.join(' × ')}]` : 'contiguous',
          item.filters?.length ? item.filters.join(' ') : '-',
          formatBytes(item.storageSize ?? 0),
        ];
  if (!withAttributes) return [first];
  return [first, ...Object.entries(item.attributes).map(([name, value]) => [`  @${name}`, JSON.stringify(value, jsonValue)])];
}

function messageRows(file: H5File, { path }: Entry): string[][] {
  return file.messages(path).map(({ name, text }) => [`  ${name}`, text]);
}

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      recursive: { type: 'boolean', short: 'r', default: false },
      attributes: { type: 'boolean', short: 'a', default: false },
      messages: { type: 'boolean', short: 'm', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const [path, inside = '/', ...more] = positionals;
  if (path === undefined || more.length > 0) {
    console.error(usage);
    return 2;
  }
  await using file = await H5File.open(path);
  const start = inside === '/' ? file.root : file.root.get(inside);
  const entries = [...walk(start, values.recursive ? Infinity : 1)].map(entry);
  if (values.json) console.log(JSON.stringify(entries, jsonValue, 2));
  else if (values.messages) for (const item of entries) console.log(`${table(rowsOf(item, values.attributes))}\n${table(messageRows(file, item))}`);
  else console.log(table(entries.flatMap((item) => rowsOf(item, values.attributes))));
  return 0;
}

export const ls: Command = { name: 'ls', summary: 'list what is in a file', usage, run };
