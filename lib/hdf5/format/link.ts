// Link (0x0006), Link Info (0x0002) and Group Info (0x000A) messages: HDF5 File Format Specification 3.0, IV.A.2.c, g and k.
import { unsupported, writeAddress } from './bytes.js';
import { address, choose, derived, encode, known, length, sized, struct, text, u16, u8, when, type Decoded, type Encodable, type Field } from './schema.js';

const CREATION_ORDER = 4;
const LINK_TYPE = 8;
const CHARSET = 16;
const linkTypes = { hard: 0, soft: 1, external: 64 } as const;

function widthCode(name: string): number {
  const size = Buffer.byteLength(name);
  return size < 2 ** 8 ? 0 : size < 2 ** 16 ? 1 : 2;
}

const hardTarget = struct({ headerAddress: length });
const softTarget = struct({
  size: derived(u16, (p: { path: string }) => Buffer.byteLength(p.path)),
  path: text((p: { size: number }) => p.size),
});

const wire = struct({
  version: known(u8, 'version', 1),
  flags: derived(u8, (p: { name: string; type?: number }) => widthCode(p.name) | CHARSET | (p.type === undefined ? 0 : LINK_TYPE)),
  type: when((p: { flags: number }) => (p.flags & LINK_TYPE) !== 0, u8),
  creationOrder: when((p: { flags: number }) => (p.flags & CREATION_ORDER) !== 0, length),
  charset: when((p: { flags: number }) => (p.flags & CHARSET) !== 0, derived(u8, () => 1)),
  nameSize: derived(sized((p: { flags: number }) => 1 << (p.flags & 3)), (p: { name: string }) => Buffer.byteLength(p.name)),
  name: text((p: { nameSize: number }) => p.nameSize),
  target: choose<Decoded<typeof hardTarget> | Decoded<typeof softTarget>>((p: { type?: number }) => {
    if ((p.type ?? linkTypes.hard) === linkTypes.hard) return hardTarget;
    if (p.type === linkTypes.soft) return softTarget as never;
    throw unsupported(p.type === linkTypes.external ? 'an external link' : `a link of type ${String(p.type)}`);
  }),
});

export type Link = Decoded<typeof wire>;

/** One entry of a group. The name is always marked as UTF-8, as h5py marks it. */
export const link: Field<Link, Encodable<typeof wire>> = wire;

const PLAIN_FLAGS = CHARSET | 3;
/** Version, flags and character set. */
const HEAD_SIZE = 3;

/**
 * The hard link whose message lies in `bytes` from `from` to `to`, without what is optional, by hand: a group may have very many.
 * Undefined for others, which the schema reads.
 */
export function decodeHardLink(bytes: Buffer, from: number, to: number): { readonly name: string; readonly headerAddress: number } | undefined {
  const flags = bytes[from + 1] ?? 0;
  if (to - from < HEAD_SIZE + 2 || bytes[from] !== 1 || (flags & CHARSET) === 0 || (flags & ~PLAIN_FLAGS) !== 0 || (flags & 3) > 1) return undefined;
  const isWide = (flags & 3) === 1;
  const start = from + HEAD_SIZE + (isWide ? 2 : 1);
  const end = start + (isWide ? bytes.readUInt16LE(from + HEAD_SIZE) : (bytes[from + HEAD_SIZE] ?? 0));
  if (end + ADDRESS_SIZE > to) return undefined;
  const high = bytes.readUInt32LE(end + 4);
  if (high >= 2 ** 21) return undefined;
  return { name: bytes.toString('utf8', start, end), headerAddress: high * 2 ** 32 + bytes.readUInt32LE(end) };
}

const ADDRESS_SIZE = 8;
/** Hard links by the length of their name, in which only the name and the address differ: a group may have very many. */
const hardLinks = new Map<number, Buffer>();

/** The message of a hard link. */
export function encodeHardLink(name: string, headerAddress: number): Buffer {
  const size = Buffer.byteLength(name);
  let pattern = hardLinks.get(size);
  if (pattern === undefined) {
    pattern = encode(link, { name: 'n'.repeat(size), target: { headerAddress: 0 } });
    // Names of most files are short; long ones need not be remembered.
    if (size < 256) hardLinks.set(size, pattern);
  }
  const body = Buffer.allocUnsafe(pattern.length);
  body.set(pattern);
  body.write(name, body.length - ADDRESS_SIZE - size, 'utf8');
  writeAddress(body, headerAddress, body.length - ADDRESS_SIZE);
  return body;
}

const TRACKED = 1;
const INDEXED = 2;

export const linkInfo = struct({
  version: known(u8, 'version', 0),
  flags: u8,
  maxCreationIndex: when((p: { flags: number }) => (p.flags & TRACKED) !== 0, length),
  heapAddress: address,
  nameIndexAddress: address,
  orderIndexAddress: when((p: { flags: number }) => (p.flags & INDEXED) !== 0, address),
});

const PHASE_CHANGE = 1;
const ESTIMATES = 2;

export const groupInfo = struct({
  version: known(u8, 'version', 0),
  flags: u8,
  maxCompact: when((p: { flags: number }) => (p.flags & PHASE_CHANGE) !== 0, u16),
  minDense: when((p: { flags: number }) => (p.flags & PHASE_CHANGE) !== 0, u16),
  estimatedEntries: when((p: { flags: number }) => (p.flags & ESTIMATES) !== 0, u16),
  estimatedNameSize: when((p: { flags: number }) => (p.flags & ESTIMATES) !== 0, u16),
});
