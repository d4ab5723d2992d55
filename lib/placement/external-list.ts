// A placement as the external-storage list of a contiguous dataset, and back.
//
// HDF5 joins the listed runs one behind the other, so that stripes are written out: one run of a slot, one of the next, round and round. Only
// data can be listed, since HDF5 knows no parity and no copies.
import { FreestoneError, checkInteger, checkOptions, shown } from '../errors.js';
import type { AllocationResult, Segment } from '../extents/index.js';
import type { ExternalExtent, ExternalRun } from '../hdf5/index.js';
import type { DataFile, DirectorySource } from './directories.js';

export interface ExternalListOptions {
  /** Extents of a slot before the next slot's turn; 1 unless given. More make a shorter list: an HDF5 object header holds 2729 runs. */
  readonly stripe?: number | bigint;
  /** Bytes of the dataset: what is beyond is not listed. All that was placed unless given. */
  readonly bytes?: number | bigint;
}

/**
 * The runs of the data files in the order of the dataset's bytes, neighbours joined: `external` of a dataset.
 * @param result of a linear or striped request on sources of `directorySources`
 * @throws {FreestoneError} ERR_UNSUPPORTED for a placement with parity, copies, metadata or logs; ERR_INVALID_SIZE when less was placed than the bytes need;
 *   ERR_INVALID_ARGUMENT
 */
export function externalList(result: AllocationResult, options: ExternalListOptions = {}): Required<ExternalExtent>[] {
  checkOptions('the options', options, ['stripe', 'bytes']);
  const stripe = options.stripe === undefined ? 1 : checkInteger('stripe', options.stripe, { min: 1 });
  checkListable(result);
  const runs: Required<ExternalExtent>[] = [];
  for (const { length, segments } of result.batches) {
    for (let done = 0; done < length; done += stripe) {
      const extents = Math.min(stripe, length - done);
      for (const segment of segments) append(runs, runOf(segment, done, extents));
    }
  }
  return options.bytes === undefined ? runs : cutTo(runs, checkInteger('bytes', options.bytes));
}

function checkListable({ extentsAllocated, allocated, metadata, logs }: AllocationResult): void {
  const placed = allocated.flat().reduce((sum, { length }) => sum + length, 0);
  if (placed === extentsAllocated && metadata.length === 0 && logs.length === 0) return;
  throw new FreestoneError('ERR_UNSUPPORTED', 'a placement with parity, copies, metadata or logs cannot be an external list: HDF5 knows only the data itself', {
    placed,
    extentsAllocated,
  });
}

function runOf(segment: Segment, skipped: number, extents: number): Required<ExternalExtent> {
  const { path, extentSize } = fileOf(segment.handle);
  return {
    path,
    offset: checkInteger('the offset in bytes', (segment.start + skipped) * extentSize),
    size: checkInteger('the size in bytes', extents * extentSize),
  };
}

function fileOf(handle: unknown): DataFile {
  const { path, extentSize } = (handle ?? {}) as Partial<DataFile>;
  if (typeof path === 'string' && typeof extentSize === 'number') return handle as DataFile;
  throw new FreestoneError('ERR_INVALID_ARGUMENT', `a segment's handle must be a data file of directorySources, not ${shown(handle)}`, { handle });
}

function append(runs: Required<ExternalExtent>[], run: Required<ExternalExtent>): void {
  const last = runs.at(-1);
  if (last?.path === run.path && last.offset + last.size === run.offset) runs[runs.length - 1] = { ...last, size: last.size + run.size };
  else runs.push(run);
}

function cutTo(runs: readonly Required<ExternalExtent>[], bytes: number): Required<ExternalExtent>[] {
  const kept: Required<ExternalExtent>[] = [];
  let left = bytes;
  for (const run of runs) {
    if (left <= 0) break;
    kept.push({ ...run, size: Math.min(run.size, left) });
    left -= run.size;
  }
  if (left > 0) throw new FreestoneError('ERR_INVALID_SIZE', `${String(bytes)} bytes were not placed: ${String(left)} are missing`, { requested: bytes, missing: left });
  return kept;
}

/**
 * The extents that a dataset's list takes, to be given to `reserve` or `free`: whole extents, also where the list ends within one. Runs that follow each
 * other in a file are one.
 * @param external `external` of a dataset
 * @throws {FreestoneError} ERR_NOT_FOUND for a file that is none of the sources', ERR_INVALID_ARGUMENT for a run without an end or that does not begin with an
 *   extent
 */
export function externalSegments(external: readonly (ExternalRun | Required<ExternalExtent>)[], sources: readonly DirectorySource[]): Omit<Segment, 'policy'>[] {
  const bySource = new Map(sources.map(({ handle }, source) => [handle.path, source]));
  const runs: { source: number; start: number; length: number }[] = external.map(({ path, offset, size }) => {
    const source = bySource.get(path);
    const extentSize = source === undefined ? undefined : sources[source]?.handle.extentSize;
    if (source === undefined || extentSize === undefined) {
      throw new FreestoneError('ERR_NOT_FOUND', `${path} is the data file of none of the sources`, { path });
    }
    if (size === null || offset % extentSize !== 0) {
      throw new FreestoneError('ERR_INVALID_ARGUMENT', `the run of ${path} at ${String(offset)} is not made of extents of ${String(extentSize)} bytes`, { path, offset, size });
    }
    return { source, start: offset / extentSize, length: Math.ceil(size / extentSize) };
  });
  runs.sort((one, other) => one.source - other.source || one.start - other.start);
  const joined: typeof runs = [];
  for (const run of runs) {
    const last = joined.at(-1);
    if (last?.source === run.source && last.start + last.length === run.start) last.length += run.length;
    else joined.push({ ...run });
  }
  return joined.map((run) => ({ handle: sources[run.source]?.handle, ...run }));
}
