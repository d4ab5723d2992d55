// Version-2 object headers: HDF5 File Format Specification 3.0, IV.A.1.b. What this package writes is always one chunk;
// continuation chunks are read.
import { ByteReader, corrupt, unsupported } from './bytes.js';
import { lookup3 } from './checksum.js';
import { decode, known, length, list, signature, sized, struct, u16, u32, u8, when } from './schema.js';

/** The types of header messages. */
export const messageType = {
  nil: 0x00,
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  fillValue: 0x05,
  link: 0x06,
  externalFiles: 0x07,
  layout: 0x08,
  groupInfo: 0x0a,
  filterPipeline: 0x0b,
  attribute: 0x0c,
  continuation: 0x10,
  attributeInfo: 0x15,
  fileSpaceInfo: 0x17,
} as const;

/** The most that a header message can hold: its size is a 16-bit number. */
export const maxMessageSize = 65535;

const CONSTANT = 1;
const NOT_SHARED = 4;
const MARK_IF_UNKNOWN = 16;
const SHARED = 2;
const FAIL_IF_UNKNOWN = 8 | 128;
const TIMES = 0x20;
const PHASE_CHANGE = 0x10;
const ORDER_TRACKED = 4;
/** At the end of each chunk of a header. */
export const CHECKSUM_SIZE = 4;

export interface HeaderMessage {
  readonly type: number;
  /** The message does not change as long as the object lives. */
  readonly constant?: boolean;
  /** Software that does not know the message and changes the object leaves a mark on it; and it is never shared. */
  readonly marked?: boolean;
  readonly body: Uint8Array;
}

interface Prefix {
  flags: number;
}

const prefix = struct({
  signature: signature('OHDR'),
  version: known(u8, 'version', 2),
  flags: u8,
  times: when((p: Prefix) => (p.flags & TIMES) !== 0, list(() => 4, u32)),
  phaseChange: when((p: Prefix) => (p.flags & PHASE_CHANGE) !== 0, list(() => 2, u16)),
  size: sized((p: Prefix) => 1 << (p.flags & 3)),
});

const continuation = struct({ address: length, size: length });

/** What stands before the messages when nothing optional does: signature, version, flags, and the size of all messages in up to four bytes. */
const FIXED_PREFIX = 6;
const LONGEST_PREFIX = FIXED_PREFIX + 4;
const MESSAGE_HEADER_SIZE = 4;
const SCRATCH_BYTES = 2 ** 16;

/** Where headers are put together. */
let scratch: Buffer = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/**
 * Encodes a header in one piece: by hand, since it holds nearly all metadata of a file.
 * @param expected about how many bytes it will have, if those are very many: memory for so many is taken at once
 * @throws a RangeError when a body is larger than `maxMessageSize`, which callers rule out
 */
export function encodeObjectHeader(messages: Iterable<HeaderMessage>, expected = 0): Buffer {
  let end = LONGEST_PREFIX;
  for (const { type, constant, marked, body } of messages) {
    if (body.length > maxMessageSize) throw new RangeError(`a header message of ${String(body.length)} bytes`);
    const next = end + MESSAGE_HEADER_SIZE + body.length;
    if (next + CHECKSUM_SIZE > scratch.length) scratch = enlarged(scratch.subarray(0, end), Math.max(2 * next, expected));
    scratch[end] = type;
    scratch[end + 1] = body.length;
    scratch[end + 2] = body.length >>> 8;
    scratch[end + 3] = (constant === true ? CONSTANT : 0) | (marked === true ? NOT_SHARED | MARK_IF_UNKNOWN : 0);
    scratch.set(body, end + MESSAGE_HEADER_SIZE);
    end = next;
  }
  const size = end - LONGEST_PREFIX;
  const flags = size < 2 ** 8 ? 0 : size < 2 ** 16 ? 1 : 2;
  const start = LONGEST_PREFIX - FIXED_PREFIX - (1 << flags);
  scratch.write('OHDR', start, 'latin1');
  scratch[start + 4] = 2;
  scratch[start + 5] = flags;
  scratch.writeUIntLE(size, start + FIXED_PREFIX, 1 << flags);
  const isLarge = scratch.length > SCRATCH_BYTES;
  const made = scratch.subarray(start, end + CHECKSUM_SIZE);
  // A large one keeps its memory, and the next begins with little.
  const header = isLarge ? made : Buffer.from(made);
  if (isLarge) scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  sealObjectHeader(header);
  return header;
}

/** Memory that is not used is not touched, and so takes none. */
function enlarged(begun: Buffer, size: number): Buffer {
  const larger: Buffer = Buffer.allocUnsafeSlow(size);
  larger.set(begun);
  return larger;
}

/** Whether a header of one chunk has the checksum of its bytes. */
export function isSealed(header: Buffer): boolean {
  const end = header.length - CHECKSUM_SIZE;
  return header.readUInt32LE(end) === lookup3(header, 0, end);
}

/** Gives a header the checksum of its bytes. */
export function sealObjectHeader(header: Buffer): void {
  const end = header.length - CHECKSUM_SIZE;
  header.writeUInt32LE(lookup3(header, 0, end), end);
}

/** Where the parts of a header lie. */
export interface HeaderChunk {
  readonly address: number;
  readonly size: number;
}

/** A message that was read. */
export class StoredMessage implements HeaderMessage {
  readonly type: number;
  readonly constant: boolean;
  /** The chunk that has it, and where in it its body lies. */
  readonly chunk: Buffer;
  readonly start: number;
  readonly end: number;

  constructor(type: number, constant: boolean, chunk: Buffer, start: number, end: number) {
    this.type = type;
    this.constant = constant;
    this.chunk = chunk;
    this.start = start;
    this.end = end;
  }

  /** A part of the chunk, made anew each time: of very many messages most are never looked at. */
  get body(): Buffer {
    return this.chunk.subarray(this.start, this.end);
  }
}

export interface ObjectHeader {
  /** The first chunk. The bodies of its messages are parts of it. */
  readonly bytes: Buffer;
  readonly messages: readonly StoredMessage[];
  readonly chunks: readonly HeaderChunk[];
}

/** Most headers are no longer, so that one look is enough. The longest prefix has 34 bytes. */
const FIRST_LOOK = 512;

/** Is shown a message whose body lies in `chunk` from `start` to `end`. @returns whether it takes it, so that it is not listed */
export type MessageTaker = (type: number, chunk: Buffer, start: number, end: number) => boolean;

/**
 * @param read gives bytes of the file, which nobody changes; near its end it may give fewer than were asked for
 * @param take sees each message as it is found: of very many, a list would take more memory than they do
 */
export function decodeObjectHeader(read: (address: number, size: number) => Buffer, at: number, take?: MessageTaker): ObjectHeader {
  const what = `the object header at 0x${at.toString(16)}`;
  const start = read(at, FIRST_LOOK);
  if (start[0] === 1) throw unsupported('a version-1 object header');
  const reader = new ByteReader(start, what);
  const { flags, size } = prefix.decode(reader, {});
  const bodyStart = reader.position;
  const tracked = (flags & ORDER_TRACKED) !== 0;
  const messages: StoredMessage[] = [];
  const chunks: HeaderChunk[] = [];
  let bytes: Buffer | undefined;
  const pending: (HeaderChunk & { skip: number })[] = [
    { address: at, size: bodyStart + size + CHECKSUM_SIZE, skip: bodyStart },
  ];
  for (let chunk = pending.shift(); chunk !== undefined; chunk = pending.shift()) {
    const { skip, ...place } = chunk;
    if (chunks.some(({ address }) => address === place.address)) throw corrupt(`${what} continues into itself`);
    const found = place.address === at && place.size <= start.length ? start.subarray(0, place.size) : read(place.address, place.size);
    // Messages that stay must not keep more of the file in memory than their header.
    const data = found.length === found.buffer.byteLength ? found : Buffer.from(found);
    if (data.length < place.size) throw corrupt(`${what} reaches beyond the end of the file`);
    const end = place.size - CHECKSUM_SIZE;
    if (!isSealed(data)) throw corrupt(`the checksum of ${what} is wrong`);
    chunks.push(place);
    bytes ??= data;
    for (const message of messagesIn(data, skip, end, tracked, what, take)) {
      if (message.type !== messageType.continuation) {
        messages.push(message);
        continue;
      }
      const next = decode(continuation, message.body, what);
      pending.push({ ...next, skip: 4 });
    }
  }
  return { bytes: bytes ?? start, messages, chunks };
}

/** Those of a chunk. By hand, as messages are written. */
function messagesIn(chunk: Buffer, from: number, to: number, tracked: boolean, what: string, take?: MessageTaker): StoredMessage[] {
  const messages: StoredMessage[] = [];
  const headerSize = MESSAGE_HEADER_SIZE + (tracked ? 2 : 0);
  // What is shorter than a message's own header is a gap.
  for (let at = from; to - at >= headerSize; ) {
    const type = chunk[at] ?? 0;
    const size = (chunk[at + 1] ?? 0) | ((chunk[at + 2] ?? 0) << 8);
    const flags = chunk[at + 3] ?? 0;
    const start = at + headerSize;
    if (size > to - start) throw corrupt(`${what} ends within a message of ${String(size)} bytes`);
    at = start + size;
    if (type === messageType.nil) continue;
    if ((flags & SHARED) !== 0) throw unsupported(`a shared header message of type ${String(type)}`);
    if ((flags & FAIL_IF_UNKNOWN) !== 0 && !Object.values<number>(messageType).includes(type)) {
      throw unsupported(`a header message of type ${String(type)}, which its writer marked as essential`);
    }
    if (take?.(type, chunk, start, at) === true) continue;
    messages.push(new StoredMessage(type, (flags & CONSTANT) !== 0, chunk, start, at));
  }
  return messages;
}
