// `freestone filespace replay`: what each strategy makes of a trace of allocations.
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { FreestoneError, formatBytes } from '../errors.js';
import { FileSpace, drawReplays, simulate, type Replay, type Strategy, type Trace } from '../filespace/index.js';
import type { Command } from './command.js';
import { table } from './terminal.js';

const { strategies } = FileSpace;
const usage = `Usage: freestone filespace replay [options] <trace.json>

Replays a trace of a file's allocations with several strategies and compares
them: how long the file becomes, how much of it is free over time, and what a
call takes. A trace is {"operations": [...]} of ["allocate", size, kind],
["free", block], ["extend", block, size] and ["commit"]; a block is named by the
number of allocations before its own, kind is "metadata", "raw" or left out.

  -s, --strategy <s>   end-of-file, first-fit, best-fit or worst-fit; may be
                       given several times (all)
      --page-size <n>  share pages of n bytes
      --svg <file>     draw the free share over time
      --json           the results as one JSON document on standard output
  -h, --help           show this text`;

const BARS = '▁▂▃▄▅▆▇█';

/** A plot in one line: each character is an equal part of the trace. */
export function sparkline(values: readonly number[], width: number, most: number): string {
  const count = Math.min(width, values.length);
  return Array.from({ length: count }, (_, i) => {
    const part = values.slice(Math.floor((i * values.length) / count), Math.floor(((i + 1) * values.length) / count));
    const mean = part.reduce((sum, value) => sum + value, 0) / part.length;
    return BARS[Math.min(BARS.length - 1, Math.floor((mean / Math.max(most, Number.EPSILON)) * BARS.length))] ?? '';
  }).join('');
}

function compared(replays: readonly Replay[]): string {
  const most = Math.max(...replays.flatMap(({ fragmentation }) => fragmentation), 0);
  const rows = replays.map(({ strategy, fileSize, live, longest, holes, refused, fragmentation, timePerCall }) => [
    strategy,
    formatBytes(fileSize),
    live === 0 ? '-' : `${(fileSize / live).toFixed(3)}x`,
    formatBytes(longest),
    String(holes),
    String(refused),
    `${timePerCall.toFixed(0)} ns`,
    sparkline(fragmentation, 30, most),
  ]);
  return table([['strategy', 'file', 'of live', 'longest', 'holes', 'refused', 'a call', `free share, up to ${(100 * most).toFixed(1)} %`], ...rows]);
}

async function readTrace(path: string): Promise<Trace> {
  const text = await readFile(path, 'utf8');
  try {
    return JSON.parse(text) as Trace;
  } catch (error) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `${path} is no JSON: ${(error as Error).message}`, { path }, { cause: error });
  }
}

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      strategy: { type: 'string', short: 's', multiple: true },
      'page-size': { type: 'string' },
      svg: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const [action, path, ...more] = positionals;
  const chosen = (values.strategy ?? strategies) as readonly Strategy[];
  const pageSize = values['page-size'] === undefined ? undefined : Number(values['page-size']);
  if (action !== 'replay' || path === undefined || more.length > 0 || !chosen.every((one) => strategies.includes(one)) || Number.isNaN(pageSize)) {
    console.error(usage);
    return 2;
  }
  let trace: Trace;
  try {
    trace = await readTrace(path);
  } catch (error) {
    if (error instanceof FreestoneError) throw error;
    throw new FreestoneError('ERR_NOT_FOUND', `${path} cannot be read: ${(error as Error).message}`, { path }, { cause: error });
  }
  const replays = simulate(trace, { strategies: chosen, ...(pageSize === undefined ? {} : { pageSize }) });
  if (values.svg !== undefined) await writeFile(values.svg, drawReplays(replays));
  console.log(values.json ? JSON.stringify(replays, null, 2) : compared(replays));
  return 0;
}

export const filespace: Command = { name: 'filespace', summary: 'replay a trace of allocations with several strategies', usage, run };
