// Writing HDF5: this package beside h5py and h5wasm.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { header, machine, progressLine, report } from './harness/report.mjs';
import { scratchFolder } from './harness/scratch.mjs';
import { probe, sideBySide } from './harness/side-by-side.mjs';
import { runProgram } from './harness/subject-process.mjs';
import { size } from './harness/table.mjs';
import { sha256, writeSamples } from './hdf5/samples.mjs';

export const about = 'write 1 GiB contiguous and 256 MiB shuffled and gzipped, beside h5py and h5wasm';

export const options = {
  threads: { type: 'string', value: 'n', help: "this package's `threads` (as many as there are processors)" },
};

const MIB = 2 ** 20;
const VALUE_BYTES = Float64Array.BYTES_PER_ELEMENT;
const CHUNK_VALUES = MIB / VALUE_BYTES;
const LEVEL = 4;
const BASE_MIB = 256;
const CHECKED = 'its shape, type, chunks, filters and the sha256 of its data must be those of the work';

const program = (name) => fileURLToPath(new URL(`hdf5/${name}`, import.meta.url));
const node = (name) => [process.execPath, program(name)];

/** Python is called differently on different systems, and not each has h5py. */
const pythons = [process.env.PYTHON, 'python3', '/usr/bin/python3', 'python'].filter((python) => python !== undefined && python !== '');

const subjects = [
  { name: 'freestone', commands: [node('freestone.mjs')] },
  {
    name: 'h5py',
    commands: pythons.map((python) => [python, program('h5py_peer.py')]),
    install: 'apt-get install python3-h5py, or pip install h5py; PYTHON names another interpreter',
  },
  { name: 'h5wasm', commands: [node('h5wasm.mjs')], install: 'npm install (it is a devDependency)', gzipAlone: true },
  { name: 'plain write', commands: [node('plain-write.mjs')], unchecked: true },
];

export const subjectNames = subjects.map(({ name }) => name);

/** What is written; `repeat` is how many times the samples are in it. */
const works = [
  {
    name: 'contiguous',
    title: (bytes) => `contiguous: ${size(bytes)} of float64, one dataset in one call`,
    repeat: 4,
    job: {},
    subjects: ['freestone', 'h5py', 'h5wasm', 'plain write'],
    filters: () => [],
    notes: { 'plain write': 'write(2) of the same bytes on one thread, not HDF5: what the system alone costs' },
  },
  {
    name: 'shuffle+gzip',
    title: (bytes) => `shuffle+gzip: ${size(bytes)} of float64 in chunks of 1 MiB, shuffle and gzip ${String(LEVEL)}`,
    repeat: 1,
    job: { chunk: CHUNK_VALUES, level: LEVEL },
    subjects: ['freestone', 'h5py', 'h5wasm'],
    filters: ({ gzipAlone }) => (gzipAlone ? [`gzip ${String(LEVEL)}`] : ['shuffle', `gzip ${String(LEVEL)}`]),
    notes: { h5wasm: `gzip ${String(LEVEL)} alone, as its API has no shuffle: other work, and a larger file` },
  },
];

export async function run({ rounds, scale, threads, only, dir, json, signal }) {
  const baseBytes = Math.max(1, Math.round(BASE_MIB * scale)) * MIB;
  const mostBytes = baseBytes * Math.max(...works.map(({ repeat }) => repeat));
  const folder = scratchFolder(dir, 2.5 * mostBytes);
  const progress = progressLine();

  progress('looking for the peers');
  // A reader is needed also where it is not measured.
  const probed = await probe(subjects, { signal });
  const wanted = probed.filter(({ name }) => only.includes(name));
  const present = wanted.filter(({ missing }) => !missing);
  const reader = probed.find(({ name, missing }) => !missing && (name === 'h5py' || name === 'h5wasm'));
  progress('');

  for (const line of header(wanted, { rounds, dir, threads })) console.log(line);
  console.log('clock        from creating the file to having closed it; the data is in memory before, and nothing is synced to the device');
  console.log(`results      ${reader === undefined ? 'not checked: that needs h5py or h5wasm' : `each is read once by ${reader.name}: ${CHECKED}`}`);
  progress('making the data');
  const input = join(folder, 'samples');
  await writeSamples(input, baseBytes, { signal });

  const measured = [];
  for (const work of works) {
    const bytes = baseBytes * work.repeat;
    const contents = { bytes, sha256: await sha256(input, work.repeat, { signal }) };
    const rows = await sideBySide(
      present.filter(({ name }) => work.subjects.includes(name)),
      {
        rounds,
        job: { ...work.job, input, repeat: work.repeat, threads },
        folder,
        output: join(folder, 'output.h5'),
        warmth: { memoryBytes: 2 * bytes + 256 * MIB, fileBytes: bytes + 64 * MIB },
        check: (subject, path) => check(reader, subject, path, work, contents, { signal }),
        signal,
        progress: (text) => {
          progress(text === '' ? '' : `${work.name}, ${text}`);
        },
      },
    );
    measured.push(...rows.map((row) => ({ work: work.name, bytes, ...row })));
    console.log('');
    for (const line of report(work.title(bytes), { rows, bytes, notes: work.notes })) console.log(line);
  }
  if (json !== undefined) {
    const versions = Object.fromEntries(probed.map(({ name, versions: found }) => [name, found ?? null]));
    writeFileSync(json, `${JSON.stringify({ machine: machine(), versions, rounds, scale, threads: threads ?? null, rows: measured }, null, 2)}\n`);
  }
  const failed = measured.some(({ failure }) => failure !== undefined);
  const ownMissing = wanted.some(({ name, missing }) => missing && name === 'freestone');
  if (failed || ownMissing) process.exitCode = 1;
}

/** Reads a result with a program that is not this package. @throws Error that says what is wrong with it */
async function check(reader, subject, path, work, { bytes, sha256: expected }, { signal }) {
  if (subject.unchecked || reader === undefined) return;
  const held = await runProgram([...reader.command, 'check', JSON.stringify({ path })], { signal });
  const should = {
    shape: [bytes / VALUE_BYTES],
    float64: true,
    chunks: work.job.chunk === undefined ? null : [work.job.chunk],
    filters: work.filters(subject),
    sha256: expected,
  };
  for (const [what, value] of Object.entries(should)) {
    const [is, wants] = [held[what], value].map((part) => JSON.stringify(part));
    if (is !== wants) throw new Error(`wrote a wrong file: ${what} is ${is} and not ${wants}`);
  }
}
