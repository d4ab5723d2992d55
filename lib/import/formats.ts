// Which format an input has, by its name.
import { FreestoneError } from '../errors.js';

/** `csv` is CSV and TSV: any text with one delimiter. */
export const formats = ['csv', 'ndjson', 'npy', 'npz', 'arrow', 'parquet'] as const;
export type Format = (typeof formats)[number];

const formatOfEnding: Readonly<Record<string, Format>> = {
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.npy': 'npy',
  '.npz': 'npz',
  '.arrow': 'arrow',
  '.arrows': 'arrow',
  '.feather': 'arrow',
  '.ipc': 'arrow',
  '.parquet': 'parquet',
  '.pq': 'parquet',
};

/** Formats that are none of these and would be taken for a strange CSV. */
const refused: Readonly<Record<string, string>> = {
  '.json': `; a file of one JSON object a line is --format ndjson, and jq -c '.[]' makes one of an array`,
  '.h5': '',
  '.hdf5': '',
  '.xls': '',
  '.xlsx': '',
  '.zip': '',
};

/**
 * The format of an input: what the user says, or what its ending says; without an ending of another format it is CSV.
 * @throws {FreestoneError} ERR_UNSUPPORTED for the ending of a format that cannot be read
 */
export function formatOf(input: string, wanted: Format | undefined): Format {
  if (wanted !== undefined) return wanted;
  const ending = (/\.[^./\\]+$/.exec(input.replace(/\.gz$/i, ''))?.[0] ?? '').toLowerCase();
  const hint = refused[ending];
  if (hint === undefined) return formatOfEnding[ending] ?? 'csv';
  throw new FreestoneError('ERR_UNSUPPORTED', `${input}: ${ending} cannot be imported, only ${formats.join(', ')}${hint}`, { path: input, format: ending });
}
