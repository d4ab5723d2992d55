// .npz: a zip archive of .npy files, each a dataset of its own.
import { type Readable, Transform } from 'node:stream';
import { crc32 } from 'node:zlib';
import { FreestoneError } from '../errors.js';
import { columnNames } from './column-names.js';
import { InputFile, asFreestoneError } from './input-file.js';
import { maxNpyHeaderBytes, readNpyHeader } from './npy-header.js';
import { prepareArray } from './npy.js';
import { npyType } from './npy-type.js';
import { loadPeer } from './peer.js';
import { type ArrayReport, type Place, type Preparation, type PreparedInput, type TableReport, ownGroup, renamings } from './prepared.js';

const stored = 0;
const deflated = 8;

/** What is used of yauzl. */
interface Yauzl {
  openPromise(path: string, options: { readonly autoClose: boolean; readonly lazyEntries: boolean }): Promise<ZipFile>;
}

interface ZipFile {
  eachEntry(): AsyncIterable<Entry>;
  openReadStreamPromise(entry: Entry): Promise<Readable>;
  readLocalFileHeaderPromise(entry: Entry, options: { readonly minimal: true }): Promise<{ readonly fileDataStart: number }>;
  close(): void;
}

interface Entry {
  readonly fileName: string;
  readonly compressionMethod: number;
  readonly compressedSize: number;
  readonly uncompressedSize: number;
  readonly crc32: number;
  isEncrypted(): boolean;
}

/** What yauzl and zlib say of a bad archive, as ours. */
function asArchiveError(error: unknown, file: InputFile): unknown {
  const ours = asFreestoneError(error, file.path);
  return ours instanceof FreestoneError || !(ours instanceof Error) ? ours : file.corrupt(`it is no whole zip archive: ${ours.message}`);
}

async function entriesOf(zip: ZipFile, file: InputFile): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of zip.eachEntry()) if (!entry.fileName.endsWith('/')) entries.push(entry);
  for (const { fileName, compressionMethod } of entries) {
    const why = !fileName.endsWith('.npy')
      ? 'is no .npy'
      : compressionMethod !== stored && compressionMethod !== deflated
        ? `is compressed by method ${compressionMethod}, and only deflate is known`
        : undefined;
    if (why !== undefined) throw file.unsupported(`${file.name}: its member ${JSON.stringify(fileName)} ${why}`);
  }
  const encrypted = entries.find((entry) => entry.isEncrypted());
  if (encrypted !== undefined) throw file.unsupported(`${file.name}: its member ${JSON.stringify(encrypted.fileName)} is encrypted`);
  if (entries.length === 0) throw file.corrupt('it has no members');
  return entries;
}

/** The first bytes of a member, as many as a header can have. */
async function headOf(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of stream) {
    parts.push(part as Buffer);
    length += (part as Buffer).length;
    // Leaving the loop destroys the stream.
    if (length > maxNpyHeaderBytes + 12) break;
  }
  return Buffer.concat(parts);
}

/** A member of the archive, ready to be written. */
interface Member {
  readonly name: string;
  readonly bytes: number;
  write(...parameters: Parameters<PreparedInput['write']>): Promise<ReturnType<PreparedInput['report']>>;
}

export async function prepareNpz({ file, plan, spool, onBlock }: Preparation): Promise<PreparedInput> {
  const yauzl = await loadPeer<Yauzl>('yauzl', '.npz files are', 'yauzl@3');
  const warnings: string[] = [];
  let zip: ZipFile | undefined;
  let seen = 0;

  const prepareMember = async (archive: ZipFile, entry: Entry, name: string): Promise<Member> => {
    const of = { base: file.base, format: 'npz', input: file.name } as const;
    const label = `${file.name}: ${entry.fileName}`;
    const checkSum = (sum: number): void => {
      if (sum !== entry.crc32) throw file.corrupt(`the checksum of its member ${JSON.stringify(entry.fileName)} is wrong`);
    };
    if (entry.compressionMethod === stored) {
      const { fileDataStart: start } = await archive.readLocalFileHeaderPromise(entry, { minimal: true });
      const source = { name: label, file, start, size: entry.uncompressedSize };
      checkSum(await sumOf(file, start, entry.uncompressedSize, plan.signal));
      const array = await prepareArray(source, of, plan, () => undefined);
      warnings.push(...array.warnings);
      return {
        name,
        bytes: entry.compressedSize,
        write: async (output, place, onWritten) => {
          await array.write(output, place, onWritten);
          return array.report(place);
        },
      };
    }
    // What cannot be stored is found in the header, before anything is written.
    const head = await headOf(await archive.openReadStreamPromise(entry));
    const source = { name: label, start: 0, size: entry.uncompressedSize, file: { head: (length: number, from = 0) => Promise.resolve(head.subarray(from, from + length)) } };
    npyType(source, (await readNpyHeader(source)).descr);
    return {
      name,
      bytes: entry.compressedSize,
      // Its elements must be found anywhere, so it is decompressed into a file, one member at a time.
      write: async (output, place, onWritten) => {
        let sum = 0;
        const summed = new Transform({
          transform(part: Buffer, _, done) {
            sum = crc32(part, sum);
            done(null, part);
          },
        });
        const stream = await archive.openReadStreamPromise(entry);
        stream.on('error', (error) => summed.destroy(error));
        const member = await InputFile.spooled(label, stream.pipe(summed), spool(), plan.signal);
        try {
          checkSum(sum);
          const array = await prepareArray({ name: label, file: member, start: 0, size: member.size }, of, plan, () => undefined);
          warnings.push(...array.warnings);
          await array.write(output, place, onWritten);
          return array.report(place);
        } finally {
          await member.close();
        }
      },
    };
  };

  try {
    zip = await yauzl.openPromise(file.path, { autoClose: false, lazyEntries: true });
    const entries = await entriesOf(zip, file);
    const names = columnNames(entries.map(({ fileName }) => fileName.slice(0, -'.npy'.length)));
    warnings.push(...renamings(file, names, 'member'));
    const members: Member[] = [];
    for (const [index, entry] of entries.entries()) {
      members.push(await prepareMember(zip, entry, names[index]?.name ?? ''));
      onBlock((seen += entry.compressedSize), 0);
    }
    return preparedMembers(file, zip, members, warnings);
  } catch (error) {
    zip?.close();
    throw asArchiveError(error, file);
  }
}

function preparedMembers(file: InputFile, zip: ZipFile, members: readonly Member[], warnings: readonly string[]): PreparedInput {
  const tables: TableReport[] = [];
  const arrays: ArrayReport[] = [];
  return {
    columns: [],
    warnings,
    write: async (output, place, onWritten) => {
      let done = 0;
      for (const member of members) {
        const own: Place = { parent: ownGroup(place), name: member.name, alone: false };
        try {
          const report = await member.write(output, own, () => {
            onWritten(done, 0);
          });
          tables.push(...report.tables);
          arrays.push(...report.arrays);
        } catch (error) {
          throw asArchiveError(error, file);
        }
        onWritten((done += member.bytes), 0);
      }
    },
    report: () => ({ tables, arrays }),
    close: () => {
      zip.close();
    },
  };
}

async function sumOf(file: InputFile, start: number, size: number, signal: AbortSignal | undefined): Promise<number> {
  const buffer = Buffer.allocUnsafe(Math.min(size, 1024 * 1024));
  let sum = 0;
  for (let done = 0; done < size; done += buffer.length) {
    signal?.throwIfAborted();
    const part = buffer.subarray(0, Math.min(buffer.length, size - done));
    await file.readAll(part, 0, part.length, start + done);
    sum = crc32(part, sum);
  }
  return sum;
}
