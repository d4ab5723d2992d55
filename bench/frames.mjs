// Page frames in C++ and through JavaScript: what one call costs, what a batch saves, and what a native call that does little costs beside them.
import { writeFileSync } from 'node:fs';
import { FrameAllocator } from '../dist/frames/index.js';
import { coreBench, llfreeBench } from './harness/core-bench.mjs';
import { machine } from './harness/report.mjs';
import { median, table } from './harness/table.mjs';

export const about = 'allocate and free page frames from JavaScript, singly and in batches';

export const options = {
  core: { type: 'boolean', help: 'the C++ part as well, which takes minutes' },
  llfree: { type: 'string', value: 'folder', help: 'LLFree beside it: a checkout of luhsra/llfree-c' },
};

export const subjectNames = ['freestone'];

const GIB = 2 ** 30;
const OPERATIONS = 400_000;

/** Nanoseconds of this thread's own time for each of `count` operations: a busy machine changes them little. */
function each(count, work) {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / count;
}

/** @returns operation name → nanoseconds */
function measure(frames, operations) {
  const list = new Array(operations).fill(0);
  const allocate = each(operations, () => {
    for (let i = 0; i < operations; i += 1) list[i] = frames.allocate(1);
  });
  const free = each(operations, () => {
    for (let i = 0; i < operations; i += 1) frames.free(list[i], 1);
  });
  const batches = new Array(Math.floor(operations / 64));
  const allocateBatch = each(batches.length * 64, () => {
    for (let i = 0; i < batches.length; i += 1) batches[i] = frames.allocateBatch(1, 64);
  });
  const freeBatch = each(batches.length * 64, () => {
    for (const batch of batches) frames.freeBatch(batch, 1);
  });
  const first = frames.allocate(512);
  const view = each(operations, () => {
    for (let i = 0; i < operations; i += 1) frames.view(first, 1);
  });
  const question = each(operations, () => {
    for (let i = 0; i < operations; i += 1) frames.isAllocated(first, 1);
  });
  frames.free(first, 512);
  return {
    'allocate(1)': allocate,
    'free(frame, 1)': free,
    'allocateBatch(1, 64), a frame': allocateBatch,
    'freeBatch of 64, a frame': freeBatch,
    'view(frame, 1)': view,
    'isAllocated(frame, 1), for a native call that does little': question,
  };
}

export function run({ rounds, scale, json, core, llfree }) {
  const operations = Math.max(64, Math.round(OPERATIONS * scale));
  // One allocator, as most processes have: engines call a native function faster where a call always meets the same one.
  const frames = new FrameAllocator({ size: 4 * GIB });
  measure(frames, operations); // so that the engine has compiled what is measured
  const measured = Array.from({ length: rounds }, () => measure(frames, operations));
  frames.close();
  const rows = Object.keys(measured[0]).map((name) => ({ name, values: measured.map((round) => round[name]) }));
  console.log(
    [
      `machine      ${machine()}, node ${process.versions.node}`,
      `${String(operations)} operations in a region of 4 GiB, median of ${String(rounds)} rounds, nanoseconds of CPU time`,
      '',
      ...table(
        [
          { title: 'operation', text: ({ name }) => name },
          { title: 'median', text: ({ values }) => median(values).toFixed(1) },
          { title: 'min', text: ({ values }) => Math.min(...values).toFixed(1) },
          { title: 'max', text: ({ values }) => Math.max(...values).toFixed(1) },
        ],
        rows,
      ),
    ].join('\n'),
  );
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(rows, null, 2)}\n`);
  if (core) coreBench('frames', { scale });
  if (llfree !== undefined) llfreeBench(llfree);
}
