// Arrow IPC: the file format (Feather version 2 is that) and the stream format.
import { type FileHandle, open } from 'node:fs/promises';
import { FreestoneError } from '../errors.js';
import { type CompressionRegistry, registerCodecs } from './arrow-codecs.js';
import { type ArrowData, type ArrowField, arrowColumns, arrowValues } from './arrow-columns.js';
import { asFreestoneError } from './input-file.js';
import { loadPeer } from './peer.js';
import type { Preparation, PreparedInput } from './prepared.js';
import { type TypedBatch, type TypedTable, prepareTyped } from './typed-table.js';

/** What is used of apache-arrow. */
interface Arrow {
  readonly RecordBatchReader: { from(source: FileHandle): Promise<Reader> };
  /** From version 21 on. */
  readonly compressionRegistry?: CompressionRegistry;
}

interface Reader extends AsyncIterable<{ readonly data: ArrowData }> {
  open(): Promise<unknown>;
  readonly schema: { readonly fields: readonly ArrowField[] } | undefined;
}

export async function prepareArrow(preparation: Preparation): Promise<PreparedInput> {
  const { file } = preparation;
  const arrow = await loadPeer<Arrow>('apache-arrow', 'Arrow files are', 'apache-arrow');
  await registerCodecs(arrow.compressionRegistry);
  const explained = (error: unknown): unknown => {
    const ours = asFreestoneError(error, file.path);
    if (ours instanceof FreestoneError || !(ours instanceof Error)) return ours;
    if (/compress|codec/i.test(ours.message)) {
      const how = arrow.compressionRegistry === undefined
        ? 'which this version of apache-arrow cannot read: npm install apache-arrow@21'
        : 'by zstd, which Node before 22.15 reads with the package hyparquet-compressors: npm install hyparquet-compressors';
      return file.unsupported(`${file.name}: its record batches are compressed, ${how}; or write it with compression="uncompressed"`);
    }
    return file.corrupt(`it is no whole Arrow file: ${ours.message}`);
  };
  const magic = (await file.head(8)).toString('latin1');
  if (magic.startsWith('FEA1')) throw file.unsupported(`${file.name}: Feather version 1 cannot be read, only version 2, which is Arrow`);
  // A file that was cut short lacks the end that says where its batches are.
  if (magic.startsWith('ARROW1') && !(await file.head(6, file.size - 6)).equals(Buffer.from('ARROW1'))) throw file.corrupt('it is no whole Arrow file: its end is missing');

  const opened = async (): Promise<{ reader: Reader; handle: FileHandle; fields: readonly ArrowField[] }> => {
    const handle = await open(file.path);
    try {
      const reader = await arrow.RecordBatchReader.from(handle);
      await reader.open();
      const fields = reader.schema?.fields;
      if (fields === undefined) throw file.corrupt('it is no Arrow file');
      return { reader, handle, fields };
    } catch (error) {
      await handle.close().catch(() => undefined);
      throw explained(error);
    }
  };

  const { handle, fields } = await opened();
  await handle.close().catch(() => undefined);
  const columns = arrowColumns(file.name, fields);
  const table: TypedTable = {
    columns,
    batches: async function* batches(): AsyncGenerator<TypedBatch> {
      const { reader, handle: source } = await opened();
      try {
        let end = 0;
        for await (const { data } of reader) {
          // How long a batch is in the file is not told; it is about as long in memory.
          end += bytesOf(data);
          yield { rows: data.length, end, read: (index) => valuesAt(data, index) };
        }
      } finally {
        await source.close().catch(() => undefined);
      }
    },
    explained,
    close: () => Promise.resolve(),
  };
  const valuesAt = (data: ArrowData, index: number): ReturnType<typeof arrowValues> => {
    const column = columns[index];
    if (column === undefined) throw new RangeError(`there is no column ${index}`);
    return arrowValues(data, column);
  };
  return prepareTyped(table, 'arrow', preparation);
}

function bytesOf(data: ArrowData | undefined): number {
  if (data === undefined) return 0;
  const own = (data.values as { byteLength?: number } | undefined)?.byteLength ?? 0;
  return data.children.reduce((sum, child) => sum + bytesOf(child), own);
}
