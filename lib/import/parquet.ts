// Parquet, row group after row group.
import { FreestoneError } from '../errors.js';
import { asFreestoneError } from './input-file.js';
import { type ParquetColumn, type ParquetElement, type ParquetNode, parquetColumns, parquetValues, withoutConversions } from './parquet-columns.js';
import { loadPeer } from './peer.js';
import type { Preparation, PreparedInput } from './prepared.js';
import { type TypedBatch, type TypedTable, prepareTyped } from './typed-table.js';

interface AsyncBuffer {
  readonly byteLength: number;
  slice(start: number, end?: number): Promise<ArrayBuffer>;
}

interface Statistics {
  readonly null_count?: bigint;
  readonly min_value?: unknown;
  readonly max_value?: unknown;
}

interface Metadata {
  readonly schema: readonly ParquetElement[];
  readonly row_groups: readonly {
    readonly num_rows: bigint;
    readonly columns: readonly { readonly meta_data?: { readonly codec: string; readonly path_in_schema: readonly string[]; readonly total_compressed_size: bigint; readonly statistics?: Statistics } }[];
  }[];
}

interface ReadOptions {
  readonly file: AsyncBuffer;
  readonly metadata: Metadata;
  readonly columns: readonly string[];
  readonly rowStart: number;
  readonly rowEnd: number;
  readonly utf8: boolean;
  readonly geoparquet: boolean;
  readonly compressors: Record<string, unknown> | undefined;
  readonly parsers: Record<string, unknown>;
  onChunk(chunk: { readonly columnData: ArrayLike<unknown>; readonly rowStart: number }): void;
}

/** What is used of hyparquet. */
interface Hyparquet {
  parquetMetadataAsync(file: AsyncBuffer, options: { readonly geoparquet: boolean }): Promise<Metadata>;
  parquetSchema(metadata: Metadata): ParquetNode;
  parquetRead(options: ReadOptions): Promise<void>;
}

/** What hyparquet itself decompresses. */
const ownCodecs = new Set(['UNCOMPRESSED', 'SNAPPY']);

export async function prepareParquet(preparation: Preparation): Promise<PreparedInput> {
  const { file } = preparation;
  const hyparquet = await loadPeer<Hyparquet>('hyparquet', 'Parquet files are', 'hyparquet hyparquet-compressors');
  const explained = (error: unknown): unknown => {
    const ours = asFreestoneError(error, file.path);
    return ours instanceof FreestoneError || !(ours instanceof Error) ? ours : file.corrupt(`it is no whole Parquet file: ${ours.message}`);
  };
  const source: AsyncBuffer = {
    byteLength: file.size,
    slice: async (start, end = file.size) => {
      const bytes = new Uint8Array(end - start);
      await file.readAll(bytes, 0, bytes.length, start);
      return bytes.buffer;
    },
  };
  let metadata: Metadata;
  let columns: ParquetColumn[];
  try {
    metadata = await hyparquet.parquetMetadataAsync(source, { geoparquet: false });
    columns = parquetColumns(file.name, hyparquet.parquetSchema(metadata).children);
  } catch (error) {
    throw explained(error);
  }
  const codecs = new Set(metadata.row_groups.flatMap((group) => group.columns.map((column) => column.meta_data?.codec ?? 'UNCOMPRESSED')));
  const needed = [...codecs].find((codec) => !ownCodecs.has(codec));
  const compressors =
    needed === undefined
      ? undefined
      : (await loadPeer<{ compressors: Record<string, unknown> }>('hyparquet-compressors', `Parquet files with ${needed} compression are`, 'hyparquet-compressors')).compressors;
  const raw = { ...metadata, schema: metadata.schema.map(withoutConversions) };

  const read = async (column: ParquetColumn, rowStart: number, rowEnd: number): Promise<ReturnType<typeof parquetValues>> => {
    const parts: { readonly columnData: ArrayLike<unknown>; readonly rowStart: number }[] = [];
    await hyparquet.parquetRead({
      file: source,
      metadata: raw,
      columns: [column.path[0] ?? ''],
      rowStart,
      rowEnd,
      utf8: false,
      geoparquet: false,
      compressors,
      parsers: { timestampFromNanoseconds: (value: bigint | undefined) => value },
      onChunk: (chunk) => parts.push(chunk),
    });
    parts.sort((a, b) => a.rowStart - b.rowStart);
    const values = parquetValues(column, parts.map(({ columnData }) => columnData));
    if (values.rows !== rowEnd - rowStart) throw file.corrupt(`column ${JSON.stringify(column.path.join('.'))} has ${values.rows} values in a row group of ${rowEnd - rowStart}`);
    return values;
  };

  const table: TypedTable = {
    columns,
    batches: async function* batches(): AsyncGenerator<TypedBatch> {
      let row = 0;
      let end = 0;
      for (const group of metadata.row_groups) {
        const first = row;
        const rows = Number(group.num_rows);
        row += rows;
        end += group.columns.reduce((sum, { meta_data: chunk }) => sum + Number(chunk?.total_compressed_size ?? 0), 0);
        yield await Promise.resolve({
          rows,
          end,
          read: (index: number) => {
            const column = columns[index];
            if (column === undefined) throw new RangeError(`there is no column ${index}`);
            return read(column, first, first + rows);
          },
        });
      }
    },
    known: (index, profile) => isKnown(metadata, columns[index], profile),
    explained,
    close: () => Promise.resolve(),
  };
  return prepareTyped(table, 'parquet', preparation);
}

/** Whether the file's statistics tell what pass 1 would find out. If so, it is noted in the profile. */
function isKnown(metadata: Metadata, column: ParquetColumn | undefined, profile: { note(missing: number): void }): boolean {
  if (column === undefined || column.isList || column.form.kind === 'text') return false;
  if (!column.isNullable) return true;
  const path = column.leaf.join('\0');
  const chunks = metadata.row_groups.map((group) => group.columns.find(({ meta_data: chunk }) => chunk?.path_in_schema.join('\0') === path)?.meta_data?.statistics);
  if (!chunks.every((statistics) => statistics?.null_count !== undefined)) return false;
  const missing = chunks.reduce((sum, statistics) => sum + Number(statistics?.null_count ?? 0), 0);
  // The extremes matter where they decide between a float64 and a value that stands for the missing ones.
  if (missing > 0 && column.form.kind === 'integer' && column.form.dtype.endsWith('64')) return false;
  profile.note(missing);
  return true;
}
