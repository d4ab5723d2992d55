// Writing and reading HDF5: this package beside libhdf5 in C, h5py and h5wasm.
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { header, machine, progressLine, report } from './harness/report.mjs';
import { scratchFolder } from './harness/scratch.mjs';
import { probe, sideBySide } from './harness/side-by-side.mjs';
import { runProgram } from './harness/subject-process.mjs';
import { size } from './harness/table.mjs';
import { UsageError } from './harness/usage-error.mjs';
import { sha256, writeSamples } from './hdf5/samples.mjs';

export const about = 'write, or with --read read, datasets large and small, rows, texts and attributes, beside libhdf5 in C, h5py and h5wasm';

export const options = {
  threads: { type: 'string', value: 'n,m', help: "this package's `threads` (as many as there are processors); several are compared" },
  read: { type: 'boolean', help: 'read back what was written, instead of writing' },
  works: { type: 'string', value: 'a,b', help: 'these works alone' },
};

const OWN = 'freestone';
const MIB = 2 ** 20;
const VALUE_BYTES = Float64Array.BYTES_PER_ELEMENT;
const CHUNK_VALUES = MIB / VALUE_BYTES;
const BASE_MIB = 256;
const CHECKED = 'its shape, type, chunks, filters and the sha256 of its data must be those of the work';

const program = (name) => fileURLToPath(new URL(`hdf5/${name}`, import.meta.url));
const node = (name) => [process.execPath, program(name)];

/** Python is called differently on different systems, and not each has h5py. */
const pythons = [process.env.PYTHON, 'python3', '/usr/bin/python3', 'python'].filter((python) => python !== undefined && python !== '');

const subjects = [
  { name: 'freestone', commands: [node('freestone.mjs')] },
  { name: 'freestone sync', commands: [node('freestone-sync.mjs')] },
  { name: 'freestone columns', commands: [node('freestone-columns.mjs')], works: ['rows'] },
  { name: 'freestone byte columns', commands: [node('freestone-byte-columns.mjs')], works: ['rows'] },
  { name: 'libhdf5', build: buildLibhdf5, commands: [], install: 'apt-get install libhdf5-dev gcc pkg-config' },
  {
    name: 'h5py',
    commands: pythons.map((python) => [python, '-B', program('h5py_peer.py')]),
    install: 'apt-get install python3-h5py, or pip install h5py; PYTHON names another interpreter',
  },
  { name: 'h5wasm', commands: [node('h5wasm.mjs')], install: 'npm install (it is a devDependency)', gzipAlone: true },
  { name: 'plain write', commands: [node('plain-write.mjs')], unchecked: true },
];

export const subjectNames = subjects.map(({ name }) => name);

/** Compiles the peer in C. @returns its command, or null where that cannot be done */
function buildLibhdf5(folder) {
  const flags = spawnSync('pkg-config', ['--cflags', '--libs', 'hdf5'], { encoding: 'utf8' });
  if (flags.status !== 0) return null;
  const binary = join(folder, 'libhdf5_peer');
  const sources = ['libhdf5_peer.c', 'libhdf5_reads.c'].map(program);
  const compiled = spawnSync('gcc', ['-O2', ...sources, '-o', binary, ...flags.stdout.trim().split(/\s+/)], { encoding: 'utf8' });
  return compiled.status === 0 ? [binary] : null;
}

const WASM_ALONE = (level) => ({ h5wasm: `gzip ${String(level)} alone, as its API has no shuffle: other work, and a larger file` });
const gzipped = (level) => ({
  name: `gzip${String(level)}`,
  title: (bytes) => `gzip${String(level)}: ${size(bytes)} of float64 in chunks of 1 MiB, shuffle and gzip ${String(level)}`,
  repeat: 1,
  job: { work: 'whole', chunk: CHUNK_VALUES, level },
  filters: ({ gzipAlone }) => (gzipAlone ? [`gzip ${String(level)}`] : ['shuffle', `gzip ${String(level)}`]),
  notes: WASM_ALONE(level),
});
const plain = { notes: { 'plain write': 'write(2) of the same bytes on one thread, not HDF5: what the system alone costs' }, filters: () => [] };

/** What is written, or read alone where `written` says what was written then; `repeat` is how many times the samples are in it, `counted` makes the job of works that have no such. */
const works = [
  { name: 'contiguous', title: (bytes) => `contiguous: ${size(bytes)} of float64, one dataset in one call`, repeat: 4, job: { work: 'whole' }, withPlainWrite: true, ...plain },
  { name: 'contiguous-pieces', title: (bytes) => `contiguous-pieces: ${size(bytes)} of float64 in calls of 1 MiB`, repeat: 4, job: { work: 'pieces' }, without: ['h5wasm'], ...plain },
  { name: 'chunked', title: (bytes) => `chunked: ${size(bytes)} of float64 in chunks of 1 MiB, one call, no filter`, repeat: 4, job: { work: 'whole', chunk: CHUNK_VALUES }, ...plain },
  { name: 'chunked-pieces', title: (bytes) => `chunked-pieces: ${size(bytes)} of float64 in chunks of 1 MiB, calls of 1 MiB, no filter`, repeat: 4, job: { work: 'pieces', chunk: CHUNK_VALUES }, ...plain },
  gzipped(1),
  gzipped(4),
  gzipped(6),
  {
    name: 'append',
    title: (bytes, { count, size: values }) => `append: ${String(values)} float64, ${String(count)} times (${size(bytes)})`,
    counted: (scale) => ({ work: 'append', chunk: CHUNK_VALUES, count: Math.ceil(1e5 * scale), size: 1000, parts: 512 }),
    bytes: ({ count, size: values }) => count * values * VALUE_BYTES,
    slow: ['h5py', 'h5wasm'],
    notes: {},
  },
  {
    name: 'rows',
    title: (bytes, { count, size: rows }) => `rows: ${String(rows)} rows of a compound of 48 bytes, ${String(count)} times (${size(bytes)})`,
    counted: (scale) => ({ work: 'rows', chunk: 16384, count: Math.ceil(1000 * scale), size: 10_000 }),
    bytes: ({ count, size: rows }) => count * rows * 48,
    slow: ['h5wasm'],
    notes: { h5wasm: 'from columns, as its API has no packed rows' },
    withoutReading: ['h5wasm'],
  },
  {
    name: 'numbers',
    title: (bytes, { count, size: rows }) => `numbers: the four columns of numbers of ${String(count * rows)} rows of a compound of 48 bytes (${size(bytes)}), into an array each`,
    counted: (scale) => ({ work: 'numbers', chunk: 16384, count: Math.ceil(1000 * scale), size: 10_000 }),
    bytes: ({ count, size: rows }) => count * rows * 48,
    written: 'rows',
    withoutReading: ['h5wasm'],
  },
  {
    name: 'columns',
    title: () => `columns: the same with the column of texts, which are strings to ${OWN} and bytes to the others`,
    counted: (scale) => ({ work: 'columns', chunk: 16384, count: Math.ceil(1000 * scale), size: 10_000 }),
    bytes: ({ count, size: rows }) => count * rows * 48,
    written: 'rows',
    withoutReading: ['h5wasm'],
  },
  {
    name: 'objects',
    title: (bytes, { count }) => `objects: ${String(count)} datasets of 16 float64 in one group`,
    counted: (scale) => ({ work: 'objects', count: Math.ceil(1e5 * scale) }),
    bytes: ({ count }) => count * 16 * VALUE_BYTES,
    slow: ['h5py', 'h5wasm'],
    notes: {},
  },
  {
    name: 'attributes',
    title: (bytes, { count, size: each }) => `attributes: ${String(each)} of a float64 on each of ${String(count)} groups`,
    counted: (scale) => ({ work: 'attributes', count: Math.ceil(1000 * scale), size: 100 }),
    bytes: ({ count, size: each }) => count * each * VALUE_BYTES,
    slow: ['h5py', 'h5wasm'],
    notes: {},
  },
  {
    name: 'texts',
    title: (bytes, { count }) => `texts: ${String(count)} variable-length strings of 9 to 38 characters`,
    counted: (scale) => ({ work: 'texts', count: Math.ceil(1e6 * scale) }),
    bytes: ({ count }) => count * 25,
    slow: ['h5wasm'],
    notes: {},
  },
];
const workNames = works.map(({ name }) => name);

export async function run({ rounds, scale, threads = [], read = false, works: named, only, dir, json, signal }) {
  const chosen = named === undefined ? workNames : named.split(',');
  const unknown = chosen.find((name) => !workNames.includes(name));
  if (unknown !== undefined) throw new UsageError(`--works: there is no ${unknown}, but ${workNames.join(', ')}`);
  const baseBytes = Math.max(1, Math.round(BASE_MIB * scale)) * MIB;
  const mostBytes = baseBytes * Math.max(...works.map(({ repeat }) => repeat ?? 1));
  const folder = scratchFolder(dir, 2.5 * mostBytes);
  const progress = progressLine();

  progress('looking for the peers');
  // A reader is needed also where it is not measured.
  const probed = await probe(subjects.map((subject) => built(subject, folder)), { signal });
  const wanted = probed.filter(({ name }) => only.includes(name)).flatMap((subject) => (subject.name === OWN ? withThreads(subject, threads) : [subject]));
  const present = wanted.filter(({ missing }) => !missing);
  const reader = probed.find(({ name, missing }) => !missing && (name === 'h5py' || name === 'h5wasm'));
  // Those that are made of libhdf5 read what it has written, this package its own.
  const writers = Object.fromEntries(['freestone', 'libhdf5'].map((name) => [name, probed.find((subject) => subject.name === name && !subject.missing)]));
  progress('');

  const base = present[0]?.name.startsWith(OWN) ? present[0].name : OWN;
  for (const line of header(wanted, { rounds, dir, base })) console.log(line);
  const input = join(folder, 'samples');
  if (read) {
    console.log('clock        from opening the file, which is in the page cache, to having closed it; memory for what is read is allocated meanwhile');
    console.log(`files        ${OWN} reads what it wrote itself, the others what libhdf5 wrote from C`);
    console.log('results      what each has read in the first round must be the same');
  } else {
    console.log('clock        from creating the file to having closed it; the data is in memory before, and nothing is synced to the device');
    console.log(`results      ${reader === undefined ? 'not checked: that needs h5py or h5wasm' : `each is read once by ${reader.name}: ${CHECKED}`}`);
  }
  progress('making the data');
  await writeSamples(input, baseBytes, { signal });

  const measured = [];
  for (const work of works.filter(({ name, written }) => chosen.includes(name) && (read || written === undefined))) {
    const job = work.counted === undefined ? { ...work.job, bytes: baseBytes * work.repeat } : work.counted(scale);
    const bytes = work.bytes?.(job) ?? job.bytes;
    const task = { ...job, input, repeat: work.repeat };
    const common = {
      rounds,
      once: work.slow,
      job: task,
      folder,
      signal,
      progress: (text) => {
        progress(text === '' ? '' : `${work.name}, ${text}`);
      },
    };
    const rows = await (read ? reading(work, present, writers, common, bytes) : writing(work, present, reader, common, bytes));
    measured.push(...rows.map((row) => ({ work: work.name, bytes, ...row })));
    console.log('');
    const notes = read ? {} : work.notes;
    for (const line of report(`${read ? 'read ' : ''}${work.title(bytes, job)}`, { rows, bytes, notes, base })) console.log(line);
  }
  if (json !== undefined) {
    const versions = Object.fromEntries(probed.map(({ name, versions: found }) => [name, found ?? null]));
    writeFileSync(json, `${JSON.stringify({ machine: machine(), versions, rounds, scale, threads, read, rows: measured }, null, 2)}\n`);
  }
  const failed = measured.some(({ failure }) => failure !== undefined);
  const ownMissing = wanted.some(({ name, missing }) => missing && name === OWN);
  if (failed || ownMissing) process.exitCode = 1;
}

/** This package once for each number of threads. */
function withThreads(subject, threads) {
  if (threads.length === 0) return [subject];
  return threads.map((count) => ({ ...subject, name: threads.length === 1 ? subject.name : `${subject.name} x${String(count)}`, job: { threads: count } }));
}

async function writing(work, present, reader, common, bytes) {
  const { job, folder, signal } = common;
  const contents = work.counted === undefined ? { bytes, sha256: job.work === 'whole' ? await sha256(job.input, work.repeat, { signal }) : undefined } : undefined;
  const expected = { contents };
  return sideBySide(
    present.filter(({ name, works: only }) => (name === 'plain write' ? work.withPlainWrite : !work.without?.includes(name) && only?.includes(work.name) !== false)),
    {
      ...common,
      output: join(folder, 'output.h5'),
      warmth: { memoryBytes: 2 * bytes + 256 * MIB, fileBytes: bytes + 64 * MIB },
      check: (subject, path) => check(reader, subject, path, work, expected, { signal }),
    },
  );
}

/** Reads what `writers` have written before the clock. */
async function reading(work, present, writers, common, bytes) {
  const { job, folder, signal, progress } = common;
  const without = ['plain write', 'freestone sync', 'freestone columns', 'freestone byte columns', ...(work.without ?? []), ...(work.withoutReading ?? [])];
  const files = {};
  try {
    for (const [name, writer] of Object.entries(writers)) {
      if (writer === undefined) continue;
      progress(`${name} writes`);
      files[name] = join(folder, `${name}.h5`);
      await runProgram([...writer.command, 'write', JSON.stringify({ ...job, work: work.written ?? job.work, output: files[name] })], { signal });
    }
    const inputs = Object.fromEntries(present.map(({ name }) => [name, name.startsWith(OWN) ? files[OWN] : (files.libhdf5 ?? files[OWN])]));
    let digest;
    return await sideBySide(present.filter(({ name }) => !without.includes(name)), {
      ...common,
      inputs,
      warmth: { memoryBytes: 2 * bytes + 256 * MIB, fileBytes: 0 },
      check: (subject, path, { digest: held }) => {
        digest ??= held;
        if (held !== digest) throw new Error(`read something else than those before it: ${String(held)} and not ${String(digest)}`);
      },
    });
  } finally {
    for (const path of Object.values(files)) rmSync(path, { force: true });
  }
}

/** The subject with the command of what had to be compiled for it. */
function built({ build, ...subject }, folder) {
  const command = build?.(folder);
  return command === undefined || command === null ? subject : { ...subject, commands: [command] };
}

/** Reads a result with a program that is not this package. @throws Error that says what is wrong with it */
async function check(reader, subject, path, work, expected, { signal }) {
  if (subject.unchecked || reader === undefined) return;
  const { contents } = expected;
  if (contents?.sha256 === undefined) {
    // All must have written the same; what that is, the first one says.
    if (reader.name !== 'h5py') return;
    const held = JSON.stringify(await runProgram([...reader.command, 'digest', JSON.stringify({ path })], { signal }));
    expected.digest ??= held;
    if (held !== expected.digest) throw new Error(`wrote something else than those before it: ${held} and not ${expected.digest}`);
    return;
  }
  const held = await runProgram([...reader.command, 'check', JSON.stringify({ path })], { signal });
  const should = {
    shape: [contents.bytes / VALUE_BYTES],
    float64: true,
    chunks: work.job.chunk === undefined ? null : [work.job.chunk],
    filters: work.filters(subject),
    sha256: contents.sha256,
  };
  for (const [what, value] of Object.entries(should)) {
    const [is, wants] = [held[what], value].map((part) => JSON.stringify(part));
    if (is !== wants) throw new Error(`wrote a wrong file: ${what} is ${is} and not ${wants}`);
  }
}
