// A file's addresses through JavaScript: what one call costs, what a batch saves, and what a native call that does little costs beside them.
import { writeFileSync } from 'node:fs';
import { FileSpace } from '../dist/filespace/index.js';
import { coreBench } from './harness/core-bench.mjs';
import { machine } from './harness/report.mjs';
import { median, table } from './harness/table.mjs';

export const about = 'allocate and free addresses of a file, singly and in batches';

export const options = {
  core: { type: 'boolean', help: 'the C++ part as well: every call, memory and the churn of a million' },
};

export const subjectNames = ['freestone'];

const OPERATIONS = 300_000;

/** Nanoseconds of this thread's own time for each of `count` operations: a busy machine changes them little. */
function each(count, work) {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / count;
}

/** @returns operation name → nanoseconds */
function measure(operations) {
  const result = {};
  // What a native method with one number costs that looks at nothing but a range that is empty.
  const empty = new FileSpace(0);
  const native = empty.native;
  result['an empty native call: isAllocated(0, 0)'] = each(operations, () => {
    for (let i = 0; i < operations; i += 1) native.isAllocated(0, 0);
  });
  const appended = new FileSpace(0, { strategy: 'end-of-file' });
  result['allocate(size), appended'] = each(operations, () => {
    for (let i = 0; i < operations; i += 1) appended.allocate(64 + (i & 63));
  });
  const untracked = new FileSpace(0, { strategy: 'end-of-file', track: false });
  result['allocate(size), appended and not tracked'] = each(operations, () => {
    for (let i = 0; i < operations; i += 1) untracked.allocate(64 + (i & 63));
  });
  const sizes = Float64Array.from({ length: 1000 }, (_, i) => 64 + (i & 63));
  const batches = Math.max(1, Math.round(operations / 1000));
  const many = new FileSpace(0, { strategy: 'end-of-file' });
  result['allocateMany of 1,000, each'] = each(batches * 1000, () => {
    for (let i = 0; i < batches; i += 1) many.allocateMany(sizes);
  });
  const space = new FileSpace(0);
  const offsets = Array.from({ length: operations }, (_, i) => space.allocate(64 + (i & 63)));
  result['free(offset, size)'] = each(operations, () => {
    for (let i = 0; i < operations; i += 2) space.free(offsets[i], 64 + (i & 63));
  }) * 2;
  result['commit, each of what was freed'] = each(operations / 2, () => {
    space.commit();
  });
  result['allocate(size), best fit'] = each(operations / 2, () => {
    for (let i = 0; i < operations; i += 2) space.allocate(64 + (i & 63));
  });
  result['isAllocated(offset, size)'] = each(operations, () => {
    for (let i = 0; i < operations; i += 1) space.isAllocated(offsets[i], 8);
  });
  return result;
}

export function run({ rounds, scale, json, core }) {
  const operations = Math.max(2000, Math.round((OPERATIONS * scale) / 2) * 2);
  measure(operations); // so that the engine has compiled what is measured
  const measured = Array.from({ length: rounds }, () => measure(operations));
  const rows = Object.keys(measured[0]).map((name) => ({ name, values: measured.map((round) => round[name]) }));
  const base = median(rows[0].values);
  console.log(
    [
      `machine      ${machine()}, node ${process.versions.node}`,
      `${String(operations)} operations, median of ${String(rounds)} rounds, nanoseconds of CPU time`,
      '',
      ...table(
        [
          { title: 'operation', text: ({ name }) => name },
          { title: 'median', text: ({ values }) => median(values).toFixed(1) },
          { title: 'min', text: ({ values }) => Math.min(...values).toFixed(1) },
          { title: 'max', text: ({ values }) => Math.max(...values).toFixed(1) },
          { title: 'of an empty call', text: ({ values }) => `${(median(values) / base).toFixed(2)}x` },
        ],
        rows,
      ),
    ].join('\n'),
  );
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(rows, null, 2)}\n`);
  if (core) coreBench('filespace', { scale });
}
