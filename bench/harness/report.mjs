// What all benchmarks print: the machine, and one table for each work.
import { cpus, arch, loadavg, platform, release, totalmem } from 'node:os';
import { median, mib, size, table } from './table.mjs';

/** Ratios are to this package, unless something else is said. */
const OWN = 'freestone';

export function machine() {
  const [{ model }] = cpus();
  return `${model.trim()}, ${String(cpus().length)} processors, ${size(totalmem())} of memory, ${platform()} ${release()} ${arch()}`;
}

/** Lines that say on what, with what and how the figures were made. @param base whose seconds the ratios are to */
export function header(subjects, { rounds, dir, base = OWN }) {
  return [
    `machine      ${machine()}, load average ${loadavg()[0].toFixed(1)} before the run; files in ${dir}`,
    ...subjects.map((subject) => `${subject.name.padEnd(12)} ${about(subject)}`),
    `rounds       ${String(rounds)}, subjects in turn, each in a fresh process on a warmed machine; the figures are medians`,
    'memory       peak: of the process, its input included; grew: how far the clocked part raised it',
    `ratio        seconds over those of ${base} in the same round`,
    'others       processors that other work kept busy meanwhile: well above 0, the figures are of that work too',
    'loop         how late the event loop was: 99th percentile / worst',
  ];
}

function about({ versions, missing, install, reason, job }) {
  if (missing) return `not measured: ${install ?? reason}`;
  const threads = job?.threads ?? versions.threads;
  return `${`${versions.version} (${versions.with})`.trimStart()}, ${String(threads)} ${threads === 1 ? 'thread' : 'threads'} for data`;
}

/**
 * Lines: a title, a table with one line for each subject, notes on those that are there, and what failed.
 * @param rows what `sideBySide` returned
 * @param bytes of the input, for the rate
 * @param base whose seconds the ratios are to
 */
export function report(title, { rows, bytes, notes, base = OWN }) {
  const names = [...new Set(rows.map(({ subject }) => subject))];
  const of = (name) => rows.filter(({ subject, failure }) => subject === name && failure === undefined);
  const ownSeconds = new Map(of(base).map(({ round, seconds }) => [round, seconds]));
  const results = names.filter((name) => of(name).length > 0).map((name) => summary(name, of(name), { bytes, ownSeconds }));
  const lines = [title, ...(results.length === 0 ? [] : table(columns, results))];
  for (const [name, note] of Object.entries(notes)) if (names.includes(name)) lines.push(`${name}: ${note}`);
  for (const { subject, failure } of rows) if (failure !== undefined) lines.push(`${subject} failed: ${failure}`);
  return lines;
}

function summary(name, rows, { bytes, ownSeconds }) {
  const middle = (value) => median(rows.map(value));
  const all = rows.map(({ seconds }) => seconds);
  const seconds = median(all);
  const paired = rows.filter(({ round }) => ownSeconds.has(round));
  const hasLoop = rows.every(({ loopDelayMs }) => loopDelayMs !== undefined);
  return {
    name,
    seconds,
    least: Math.min(...all),
    most: Math.max(...all),
    megabytesPerSecond: bytes / 1e6 / seconds,
    ratio: paired.length === 0 ? undefined : median(paired.map((row) => row.seconds / ownSeconds.get(row.round))),
    cpuSeconds: middle((row) => row.cpuSeconds),
    peakBytes: middle((row) => row.peakBytes),
    grewBytes: middle((row) => row.grewBytes),
    fileBytes: middle((row) => row.fileBytes),
    others: middle((row) => row.others),
    loop: hasLoop ? { p99: middle((row) => row.loopDelayMs.p99), max: middle((row) => row.loopDelayMs.max) } : undefined,
  };
}

const milliseconds = (ms) => ms.toFixed(ms < 10 ? 1 : 0);

const columns = [
  { title: '', text: ({ name }) => name },
  { title: 'seconds', text: ({ seconds }) => seconds.toFixed(3) },
  { title: '(min-max)', text: ({ least, most }) => `(${least.toFixed(3)}-${most.toFixed(3)})` },
  { title: 'MB/s', text: ({ megabytesPerSecond }) => megabytesPerSecond.toFixed(0) },
  { title: 'ratio', text: ({ ratio }) => (ratio === undefined ? '-' : ratio.toFixed(2)) },
  { title: 'CPU s', text: ({ cpuSeconds }) => cpuSeconds.toFixed(2) },
  { title: 'peak MiB', text: ({ peakBytes }) => mib(peakBytes) },
  { title: 'grew MiB', text: ({ grewBytes }) => mib(grewBytes) },
  { title: 'file MiB', text: ({ fileBytes }) => (fileBytes / 2 ** 20).toFixed(1) },
  { title: 'others', text: ({ others }) => others.toFixed(1) },
  { title: 'loop ms', text: ({ loop }) => (loop === undefined ? '-' : `${milliseconds(loop.p99)} / ${milliseconds(loop.max)}`) },
];

/** One line on a terminal that is written over; nothing elsewhere. */
export function progressLine() {
  if (!process.stderr.isTTY) return () => undefined;
  return (text) => process.stderr.write(`\r\u001b[K${text}`);
}
