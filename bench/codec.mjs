// Every filter over shuffled chunks of 1 MiB on one core, beside zlib as libhdf5 uses it.
import { spawnSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { buildCoreBench } from './harness/core-bench.mjs';
import { machine } from './harness/report.mjs';
import { table } from './harness/table.mjs';

export const about = 'each filter over chunks of 1 MiB on one core, beside zlib';

export const options = {};

export const subjectNames = ['float64', 'int32'];

const column = (title, i) => ({ title, text: (row) => row[i] });
const columns = ['filters', 'encode', 'decode', 'ratio', 'speed to zlib', 'size to zlib'].map(column);

export function run({ only }) {
  const kinds = only.length > 0 ? only : subjectNames;
  const { status, stdout, stderr } = spawnSync(buildCoreBench(), ['codec', ...kinds], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`core_bench codec: ${stderr || String(status)}`);
  const lines = stdout.trim().split('\n').map((line) => line.split(' '));
  console.log(`machine      ${machine()}, load average ${loadavg()[0].toFixed(1)} at the end`);
  console.log("chunks of 1 MiB on one thread; MB of the chunk in a second of the thread's own time, medians of five; ratio is chunk to stored");
  for (const kind of kinds) {
    const zlib = new Map();
    const rows = [];
    for (const [of, name, encode, decode, ratio] of lines) {
      if (of !== kind) continue;
      const level = /gzip\((\d)\)|zlib\((\d)\)/.exec(name)?.slice(1).find((digit) => digit !== undefined);
      if (name.startsWith('zlib')) zlib.set(level, { speed: Number(encode), ratio: Number(ratio) });
      const peer = name.includes('gzip') ? zlib.get(level) : undefined;
      const beside = peer === undefined ? ['', ''] : [(Number(encode) / peer.speed).toFixed(1), (peer.ratio / Number(ratio)).toFixed(4)];
      rows.push([name, Number(encode).toFixed(0), decode === '-' ? '' : Number(decode).toFixed(0), Number(ratio).toFixed(3), ...beside]);
    }
    console.log(['', kind, ...table(columns, rows)].join('\n'));
  }
}
