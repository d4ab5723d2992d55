// Free-space managers of a file: HDF5 File Format Specification 3.0, III.I. A header (FSHD) says where the list of sections
// (FSSE) is, which has them by size.
import { ByteReader, ByteWriter, corrupt, unsupported } from './bytes.js';
import { lookup3 } from './checksum.js';
import { address, bytes, decode, derived, encode, known, length, list, signature, sized, struct, u16, u32, u8, type Decoded } from './schema.js';

/** 0 in files without pages; in pages 1 for a part of a page and 2 for large blocks. The specification reserves 1 and 2; libhdf5 writes them. */
export const sectionTypes = ['simple', 'small', 'large'] as const;

export interface StoredSection {
  readonly offset: number;
  readonly size: number;
  /** Position in `sectionTypes`. */
  readonly type: number;
}

export const managerHeaderSize = 82;
const CHECKSUM_SIZE = 4;
const FILE_CLIENT = 1;
const ADDRESS_BITS = 63;
/** 2^63 - 1: libhdf5 does not bound sections either. */
const largestSize = Buffer.from('ffffffffffffff7f', 'hex');

const headerFields = struct({
  signature: signature('FSHD'),
  version: known(u8, 'version', 0),
  client: known(u8, 'client', FILE_CLIENT),
  totalSpace: length,
  totalSections: length,
  serialisedSections: length,
  ghostSections: length,
  sectionClasses: derived(u16, () => sectionTypes.length),
  shrinkPercent: derived(u16, () => 80),
  expandPercent: derived(u16, () => 120),
  addressBits: derived(u16, () => ADDRESS_BITS),
  maxSectionSize: derived<Uint8Array>(
    bytes(() => 8),
    () => largestSize,
  ),
  /** Null when no section is in the file. */
  sectionsAddress: address,
  /** Bytes of the list of sections, and of the space that it has. */
  sectionsSize: length,
  sectionsAllocated: length,
});

export type FreeSpaceHeader = Decoded<typeof headerFields>;

function sealed(body: Uint8Array): Buffer {
  return Buffer.concat([body, encode(u32, lookup3(body))]);
}

/** @returns the bytes in front of the checksum */
function opened(whole: Uint8Array, what: string): Uint8Array {
  if (whole.length < CHECKSUM_SIZE) throw corrupt(`${what} is cut off`);
  const body = whole.subarray(0, whole.length - CHECKSUM_SIZE);
  if (decode(u32, whole.subarray(body.length), what) !== lookup3(body)) throw corrupt(`the checksum of ${what} is wrong`);
  return body;
}

const sumOf = (sections: readonly StoredSection[]): number => sections.reduce((sum, { size }) => sum + size, 0);

/** @param sectionsAddress where `encodeSections` of the same sections goes */
export function encodeManagerHeader(sections: readonly StoredSection[], sectionsAddress: number): Buffer {
  const size = encodedSectionsSize(sections);
  return sealed(
    encode(headerFields, {
      totalSpace: sumOf(sections),
      totalSections: sections.length,
      serialisedSections: sections.length,
      ghostSections: 0,
      sectionsAddress,
      sectionsSize: size,
      sectionsAllocated: size,
    }),
  );
}

/** @throws {FreestoneError} ERR_CORRUPT_FILE, ERR_UNSUPPORTED */
export function decodeManagerHeader(whole: Uint8Array): FreeSpaceHeader {
  const what = 'a free-space manager';
  return decode(headerFields, opened(whole.subarray(0, managerHeaderSize), what), what);
}

/** The bytes that hold numbers up to `most`. */
function widthOf(most: number): number {
  let width = 1;
  for (let rest = Math.floor(most / 256); rest > 0; rest = Math.floor(rest / 256)) width += 1;
  return width;
}

const listHead = struct({ signature: signature('FSSE'), version: known(u8, 'version', 0), headerAddress: length });

interface Widths {
  readonly count: number;
  readonly size: number;
  readonly offset: number;
}

/** The sections of one size. */
const sectionsOf = ({ count, size, offset }: Widths) =>
  struct({
    count: derived(
      sized(() => count),
      (p: { sections: readonly unknown[] }) => p.sections.length,
    ),
    size: sized(() => size),
    sections: list((p: { count: number }) => p.count, struct({ offset: sized(() => offset), type: u8 })),
  });

const writtenWidths = (count: number): Widths => ({ count: widthOf(count), size: 8, offset: 8 });

export function encodedSectionsSize(sections: readonly StoredSection[]): number {
  const sizes = new Set(sections.map(({ size }) => size)).size;
  return 13 + sizes * (widthOf(sections.length) + 8) + sections.length * 9 + CHECKSUM_SIZE;
}

/** @param headerAddress of the manager that they belong to */
export function encodeSections(sections: readonly StoredSection[], headerAddress: number): Buffer {
  const bySize = new Map<number, StoredSection[]>();
  for (const section of sections) {
    const own = bySize.get(section.size);
    if (own === undefined) bySize.set(section.size, [section]);
    else own.push(section);
  }
  const writer = new ByteWriter();
  listHead.encode(writer, { headerAddress }, {});
  const field = sectionsOf(writtenWidths(sections.length));
  for (const [size, own] of [...bySize].sort(([a], [b]) => a - b)) {
    field.encode(writer, { size, sections: own.sort((a, b) => a.offset - b.offset) }, {});
  }
  return sealed(writer.take(0));
}

/**
 * The sections of a manager, ascending by offset.
 * @param whole all bytes that the list uses @param headerAddress of the manager
 * @throws {FreestoneError} ERR_CORRUPT_FILE also when they overlap or are not what the header says; ERR_UNSUPPORTED
 */
export function decodeSections(header: FreeSpaceHeader, headerAddress: number, whole: Uint8Array): StoredSection[] {
  const what = 'a list of free sections';
  const reader = new ByteReader(opened(whole, what), what);
  if (listHead.decode(reader, {}).headerAddress !== headerAddress) throw corrupt(`${what} belongs to another manager`);
  const largest = Buffer.from(header.maxSectionSize);
  const widths: Widths = {
    count: widthOf(header.serialisedSections),
    size: Math.max(1, largest.findLastIndex((byte) => byte !== 0) + 1),
    offset: Math.ceil(header.addressBits / 8),
  };
  const odd = Object.values(widths as unknown as Record<string, number>).find((width) => width === 7 || width === 0 || width > 8);
  if (odd !== undefined) throw unsupported(`${what} with numbers of ${String(odd)} bytes`);
  const field = sectionsOf(widths);
  const sections: StoredSection[] = [];
  while (sections.length < header.serialisedSections) {
    const { count, size, sections: own } = field.decode(reader, {});
    if (count === 0 || size === 0) throw corrupt(`${what} has sections of ${String(size)} bytes`);
    for (const { offset, type } of own) {
      if (type >= sectionTypes.length) throw unsupported(`a free section of type ${String(type)}`);
      sections.push({ offset, size, type });
    }
  }
  if (sections.length !== header.serialisedSections || sumOf(sections) !== header.totalSpace) {
    throw corrupt(`${what} has not what its manager says`, { address: headerAddress });
  }
  sections.sort((a, b) => a.offset - b.offset);
  if (sections.some(({ offset }, i) => i > 0 && offset < (sections[i - 1]?.offset ?? 0) + (sections[i - 1]?.size ?? 0))) {
    throw corrupt(`${what} has sections that overlap`, { address: headerAddress });
  }
  return sections;
}
