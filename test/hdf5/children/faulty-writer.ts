// Plays a scene with each of its system calls failing in turn, and says what was not as it should be.
//   arguments: what to play, a Sweep as JSON, and the path of the file. The environment has what failing-calls.c needs.
import { copyFileSync, linkSync, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { FreestoneError } from '../../../lib/errors.js';
import { H5File } from '../../../lib/hdf5/index.js';
import { contentOf, externalFiles, inPlace, scenes, type Attempt, type Content, type Scene } from './faulty-steps.js';

export interface Sweep {
  readonly scene: keyof typeof scenes;
  /** Whether the file is written, or was written and is read. */
  readonly mode: 'write' | 'read';
  readonly durability: 'process' | 'power';
  /** Bits: which calls fail. */
  readonly kinds: number;
  readonly effect: 'error' | 'short' | 'short, then error';
  readonly error: { readonly code: string; readonly number: number };
  /** How many in a row fail; 0 for all, until the caller has seen it twice. */
  readonly times: number;
  /** So many of the calls are played, evenly spread; 0 for all. */
  readonly most: number;
  /** So many runs keep their file, and what it must hold, to be looked at by others. */
  readonly keep: number;
}

export interface Report {
  readonly calls: number;
  readonly played: number;
  readonly failures: number;
  readonly problems: readonly string[];
  readonly kept: readonly Kept[];
}

/** A file as it was after the first failure, or closed. */
export interface Kept {
  readonly path: string;
  readonly isClosed: boolean;
  readonly content: Content;
}

const sweep = JSON.parse(process.argv[2] ?? '') as Sweep;
const path = process.argv[3] ?? '';
const control = openSync(process.env['FREESTONE_FAULT_CONTROL'] ?? '', 'r+');
const effects = { 'none': 0, 'error': 1, 'short': 2, 'short, then error': 3 } as const;
const ALWAYS = 2 ** 32 - 1;
/** Whether callers must not notice. */
const isHidden = sweep.effect === 'short' || sweep.error.code === 'EINTR';

function arm(effect: keyof typeof effects, first = 0): void {
  // Disarmed while it changes.
  writeSync(control, Uint32Array.of(0, 0), 0, 8, 0);
  writeSync(control, Uint32Array.of(sweep.error.number, first, sweep.times === 0 ? ALWAYS : sweep.times, 0, 0), 0, 20, 8);
  writeSync(control, Uint32Array.of(effects[effect]), 0, 4, 4);
  writeSync(control, Uint32Array.of(sweep.kinds), 0, 4, 0);
}

/** How many calls there were since `arm`. */
function counted(): number {
  const counts = new Uint32Array(1);
  readSync(control, counts, 0, 4, 20);
  return counts[0] ?? 0;
}

const problems: string[] = [];
const kept: Kept[] = [];
let failures = 0;

/** What the calls of one run do when they fail. `seen` looks at the file after each failure. */
function attempts(complain: (what: string) => void, seen: () => Promise<void>): Attempt {
  return async (call) => {
    for (let again = 0; ; again += 1) {
      try {
        return await call();
      } catch (error) {
        failures += 1;
        const { code } = error as { code?: string };
        if (isHidden || again > 2 || code !== sweep.error.code) throw error;
        const named = error instanceof FreestoneError ? error.path : undefined;
        if (named === undefined || !(sweep.scene === 'outside' ? externalFiles(path) : [path]).includes(named) || !(error as Error).message.includes(named)) complain(`the error does not name the file: ${String(error)}`);
        await seen();
        if (sweep.times === 0 && again === 1) arm('none');
      }
    }
  };
}

/** Copied by another name, whose calls do not fail. */
function copied(to: string): string {
  rmSync(`${to}.link`, { force: true });
  linkSync(path, `${to}.link`);
  copyFileSync(`${to}.link`, to);
  rmSync(`${to}.link`);
  return to;
}

/** What is wrong with `found`, which must be one of the first `states`; of datasets that are written in place each element may be of any of them. */
function difference(found: Content, candidates: readonly Content[], later: readonly Content[]): string | undefined {
  let said: string | undefined;
  for (const state of candidates) {
    said = differenceFrom(found, state, [...candidates, ...later]);
    if (said === undefined) return undefined;
  }
  return said;
}

function differenceFrom(found: Content, state: Content, all: readonly Content[]): string | undefined {
  const [names, wanted] = [Object.keys(found).sort().join(), Object.keys(state).sort().join()];
  if (names !== wanted) return `it has ${names} and not ${wanted}`;
  for (const [name, values] of Object.entries(state)) {
    const seen = found[name] ?? [];
    if (seen instanceof Float64Array && values instanceof Float64Array && bytes(seen).equals(bytes(values))) continue;
    if (seen.length !== values.length) return `${name} has ${String(seen.length)} elements and not ${String(values.length)}`;
    const others = inPlace.has(name) ? all.map((other) => other[name] ?? []) : [];
    for (let i = 0; i < values.length; i += 1) {
      const [a, b] = [seen[i], values[i]];
      if (Object.is(a, b) || others.some((other) => Object.is(a, other[i]))) continue;
      if (typeof b === 'object' && JSON.stringify(a) === JSON.stringify(b)) continue;
      return `element ${String(i)} of ${name} is ${JSON.stringify(a)} and not ${JSON.stringify(b)}`;
    }
  }
  return undefined;
}

const bytes = ({ buffer, byteOffset, byteLength }: Float64Array): Buffer => Buffer.from(buffer, byteOffset, byteLength);

/** What is in a file. External files are named in it, so that meanwhile no call of theirs may fail or count. */
async function look(at: string): Promise<Content> {
  writeSync(control, Uint32Array.of(0), 0, 4, 0);
  try {
    return await lookUnharmed(at);
  } finally {
    writeSync(control, Uint32Array.of(sweep.kinds), 0, 4, 0);
  }
}

async function lookUnharmed(at: string): Promise<Content> {
  await using file = await H5File.open(at);
  const used = file.map().filter(({ kind }) => kind !== 'unused').sort((a, b) => a.offset - b.offset);
  used.reduce((end, { offset, size, owner }) => {
    if (offset < end) throw new Error(`${owner} overlaps what lies before it`);
    return offset + size;
  }, 0);
  return await contentOf(file);
}

/** Bytes that are allocated, and that no structure leads to. */
const leaked = (file: H5File): number => file.space.stats().live - file.map().reduce((sum, { kind, size }) => (kind === 'unused' ? sum : sum + size), 0);

/** One run from an empty folder to a closed file. @returns what is allocated in the end for nothing, what the file holds, and how many calls were made */
async function write(name: string, begin: () => void, { keep, flushes }: { keep: boolean; flushes: boolean }): Promise<{ leak: number; content: Content; calls: number }> {
  for (const one of [path, ...externalFiles(path)]) rmSync(one, { force: true });
  const complain = (what: string): void => void problems.push(`${name}: ${what}`);
  let visible: Content[] = [{}];
  let there = false;
  let failing = 0;
  const seen = async (): Promise<void> => {
    if (!there) return;
    const wrong = await look(copied(`${path}.copy`)).then((found) => difference(found, visible, [scene.content]), String);
    if (wrong !== undefined) complain(`after a failure ${wrong}`);
    failing += 1;
    if (keep && failing === 1 && visible.length === 1) kept.push({ path: copied(`${path}.${String(kept.length)}.failed`), isClosed: false, content: { ...visible[0] } });
  };
  const attempt = attempts(complain, seen);
  begin();
  const file = await attempt(() => H5File.create(path, { threads: 2, durability: sweep.durability }));
  there = true;
  const scene: Scene = {
    attempt,
    file,
    path,
    content: {},
    flush: async (beside) => {
      const wanted = { ...scene.content };
      // When a barrier fails, or more was written beside it, it may be there all the same.
      if (beside !== undefined || sweep.durability === 'power') visible = [...visible, wanted];
      await Promise.all([beside?.(), attempt(() => file.flush())]);
      visible = [wanted];
      file.space.validateNoOverlaps();
    },
  };
  await scenes[sweep.scene](scene);
  let leak = 0;
  // In every second run all that is left to be done is done by `close`.
  if (flushes) {
    await scene.flush();
    file.space.validate();
    leak = await attempt(() => Promise.resolve().then(() => leaked(file)));
  }
  const { content } = scene;
  const before = visible;
  visible = [content];
  try {
    await file.close();
  } catch (error) {
    failures += 1;
    visible = [...before, content];
    if (isHidden || (error as FreestoneError).code !== sweep.error.code) complain(`close: ${String(error)}`);
  }
  const calls = counted();
  arm('none');
  const wrong = await look(copied(`${path}.copy`)).then((found) => difference(found, visible, []), String);
  if (wrong !== undefined) complain(`in the end ${wrong}`);
  if (keep && visible.length === 1) kept.push({ path: copied(`${path}.${String(kept.length)}.h5`), isClosed: true, content: { ...content } });
  return { leak, content, calls };
}

/** Reads a file that is there. */
async function read(name: string, begin: () => void, content: Content): Promise<number> {
  const complain = (what: string): void => void problems.push(`${name}: ${what}`);
  const attempt = attempts(complain, () => Promise.resolve());
  begin();
  const file = await attempt(() => H5File.open(path));
  const found = await contentOf(file, attempt);
  const wrong = difference(found, [content], []);
  if (wrong !== undefined) complain(wrong);
  await file.close().catch(() => undefined);
  const calls = counted();
  arm('none');
  return calls;
}

const unharmed = (): void => {
  arm('none');
};
const first = await write('without failures', unharmed, { keep: false, flushes: true });
const calls = sweep.mode === 'read' ? await read('without failures', unharmed, first.content) : first.calls;
const runs = sweep.most === 0 ? calls : Math.min(sweep.most, calls);
let played = 0;
for (; played < runs && problems.length < 5; played += 1) {
  const n = 1 + Math.floor(((played + 0.5) * calls) / runs);
  const name = `${sweep.error.code} at call ${String(n)}`;
  const begin = (): void => {
    arm(sweep.effect, n);
  };
  process.stderr.write(`${name}\n`);
  try {
    if (sweep.mode === 'read') await read(name, begin, first.content);
    else {
      const { leak } = await write(name, begin, { keep: played < sweep.keep, flushes: played % 2 === 0 });
      if (leak > first.leak) problems.push(`${name}: ${String(leak - first.leak)} bytes are lost`);
    }
  } catch (error) {
    problems.push(`${name}: ${(error as Error).stack ?? String(error)}`);
    arm('none');
  }
}
const report: Report = { calls, played, failures, problems, kept };
writeFileSync(`${path}.report`, JSON.stringify(report, (_, value: unknown) => (value instanceof Float64Array ? [...value] : value)));
