// Runs children/faulty-writer.ts with each call of the system failing in turn, by a library that stands before the system's own.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Report, Sweep } from './children/faulty-writer.js';
import { compileInto } from './compiled.js';

const source = fileURLToPath(new URL('children/failing-calls.c', import.meta.url));

/** Bits of `Sweep.kinds`, as failing-calls.c has them. */
const kinds = { write: 1, read: 2, truncate: 4, sync: 8, open: 16, allocate: 32, stat: 64, close: 128 } as const;
const errors = {
  EINTR: { code: 'EINTR', number: 4 },
  EIO: { code: 'EIO', number: 5 },
  ENOSPC: { code: 'ENOSPC', number: 28 },
  EDQUOT: { code: 'EDQUOT', number: 122 },
} as const;

const writing = kinds.write + kinds.truncate + kinds.sync + kinds.allocate + kinds.stat;
type Part = Partial<Sweep> & Pick<Sweep, 'kinds'>;
const once = { effect: 'error', error: errors.EIO, times: 1 } as const;
const full = { effect: 'error', error: errors.ENOSPC, times: 0 } as const;
const interrupted = { effect: 'error', error: errors.EINTR, times: 3 } as const;
const short = { effect: 'short', error: errors.EIO, times: 0 } as const;
/** It is the external files whose calls fail; what one of them holds is overwritten by the next run. */
const external = { scene: 'outside', keep: 0 } as const;
const cut = { effect: 'short, then error', error: errors.ENOSPC, times: 0 } as const;

/** What fails, by what is to be read in a report. */
const parts: Readonly<Record<string, Part>> = {
  'one write fails': { kinds: kinds.write, ...once },
  'three writes in a row fail for want of quota': { kinds: kinds.write, effect: 'error', error: errors.EDQUOT, times: 3 },
  'from one write on the disk is full': { kinds: kinds.write, ...full },
  'one write is short, and the disk is full behind it': { kinds: kinds.write, ...cut },
  'one write is short, the rest of it fails, and then all is well': { kinds: kinds.write, ...cut, times: 2 },
  'from one write on all are short': { kinds: kinds.write, ...short },
  'one write is short': { kinds: kinds.write, ...short, times: 1 },
  'writes are interrupted': { kinds: kinds.write, ...interrupted },
  'one change of size fails': { kinds: kinds.truncate + kinds.allocate, ...once },
  'no change of size is possible': { kinds: kinds.truncate + kinds.allocate, ...full },
  'changes of size are interrupted': { kinds: kinds.truncate + kinds.allocate, ...interrupted },
  'one barrier fails': { kinds: kinds.sync, durability: 'power', ...once },
  'no barrier succeeds': { kinds: kinds.sync, durability: 'power', ...once, times: 0 },
  'barriers are interrupted': { kinds: kinds.sync, durability: 'power', ...interrupted },
  'one question for the size fails': { kinds: kinds.stat, ...once },
  'from one call on all fail': { kinds: writing + kinds.close, durability: 'power', ...once, times: 0 },
  'the file cannot be opened': { kinds: kinds.open, ...once },
  'opening is interrupted': { kinds: kinds.open, ...interrupted },
  'the file cannot be closed': { kinds: kinds.close, ...once },
  'one of the reads that writing needs fails': { scene: 'wide', kinds: kinds.read, ...once },
  'from one of the reads that writing needs on all fail': { scene: 'wide', kinds: kinds.read, ...once, times: 0 },
  'one of the writes that make room fails': { scene: 'wide', kinds: kinds.write, ...once },
  'a read while writing fails': { kinds: kinds.read, ...once },
  'one read fails': { mode: 'read', kinds: kinds.read, ...once },
  'from one read on all fail': { mode: 'read', kinds: kinds.read, ...once, times: 0 },
  'from one read on all are short': { mode: 'read', kinds: kinds.read, ...short },
  'reads are interrupted': { mode: 'read', kinds: kinds.read, ...interrupted },
  'one question for the size fails while reading': { mode: 'read', kinds: kinds.stat, ...once },
  'the file cannot be opened to read': { mode: 'read', kinds: kinds.open, ...once },
  'the file cannot be closed after reading': { mode: 'read', kinds: kinds.close, ...once },
  'one of the large writes fails': { scene: 'large', kinds: kinds.write, ...once },
  'one of the large writes is short, and the disk is full behind it': { scene: 'large', kinds: kinds.write, ...cut },
  'all large writes are short': { scene: 'large', kinds: kinds.write, ...short },
  'one of the large reads fails': { scene: 'large', mode: 'read', kinds: kinds.read, ...once },
  'one write to an external file fails': { ...external, kinds: kinds.write, ...once },
  'from one write on the disk of an external file is full': { ...external, kinds: kinds.write, ...full },
  'one write to an external file is short, and the disk is full behind it': { ...external, kinds: kinds.write, ...cut },
  'from one write on all to external files are short': { ...external, kinds: kinds.write, ...short },
  'writes to external files are interrupted': { ...external, kinds: kinds.write, ...interrupted },
  'one barrier of an external file fails': { ...external, kinds: kinds.sync, ...once },
  'no barrier of an external file succeeds': { ...external, kinds: kinds.sync, ...once, times: 0 },
  'barriers of external files are interrupted': { ...external, kinds: kinds.sync, ...interrupted },
  'an external file cannot be opened': { ...external, kinds: kinds.open, ...once },
  'from one call on all to external files fail': { ...external, kinds: kinds.write + kinds.sync + kinds.open, ...once, times: 0 },
  'one read of an external file fails': { ...external, mode: 'read', kinds: kinds.read, ...once },
  'from one read on all of external files fail': { ...external, mode: 'read', kinds: kinds.read, ...once, times: 0 },
  'from one read on all of external files are short': { ...external, mode: 'read', kinds: kinds.read, ...short },
  'reads of external files are interrupted': { ...external, mode: 'read', kinds: kinds.read, ...interrupted },
  'an external file cannot be opened to read': { ...external, mode: 'read', kinds: kinds.open, ...once },
  'all large reads are short': { scene: 'large', mode: 'read', kinds: kinds.read, ...short },
};

/** @param most runs of each, 0 for one at every call; of the plainest seven times as many, of the large ones a fourth */
export function sweeps(most: number): [name: string, Sweep][] {
  return Object.entries(parts).map(([name, part]) => {
    const isLarge = part.scene !== undefined && part.scene !== 'outside';
    const often = isLarge ? 1 / 4 : name === 'one write fails' ? 7 : 1;
    return [name, { scene: 'everything', mode: 'write', durability: 'process', ...once, keep: isLarge ? 0 : 1, most: Math.ceil(most * often), ...part }];
  });
}

/** Whether such a library can be made and loaded here. */
export const canFailCalls = process.platform === 'linux' && spawnSync('cc', ['--version']).status === 0;

export class FaultyWriter {
  readonly #folder: string;
  readonly #library: string;
  readonly #script: string;
  #runs = 0;

  /** @param folder a new one */
  constructor(folder: string) {
    this.#folder = folder;
    this.#script = compileInto(folder)('faulty-writer');
    this.#library = join(folder, 'failing-calls.so');
    const { status, stderr } = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-o', this.#library, source, '-ldl'], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  }

  /** Plays a sweep in a process of its own. @throws when that does not end by itself, and in time */
  async play(sweep: Sweep, seconds = 600): Promise<Report> {
    const folder = join(this.#folder, `run ${String((this.#runs += 1))}`);
    mkdirSync(folder);
    const path = join(folder, 'x.h5');
    const control = join(folder, 'control');
    writeFileSync(control, Buffer.alloc(64));
    const env = { ...process.env, LD_PRELOAD: this.#library, FREESTONE_FAULT_FILE: sweep.scene === 'outside' ? `${path}.raw*` : path, FREESTONE_FAULT_CONTROL: control };
    const child = spawn(process.execPath, [this.#script, JSON.stringify(sweep), path], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (part: Buffer) => (said = (said + part.toString()).slice(-2000)));
    const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
    const [status, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (...ended) => { resolve(ended); });
    });
    clearTimeout(timer);
    if (status !== 0) throw new Error(`the writer ended with ${signal ?? String(status)}, and said last: ${said}`);
    return JSON.parse(readFileSync(`${path}.report`, 'utf8')) as Report;
  }
}
