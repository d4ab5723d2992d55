// What a file says of its own space: the strategy, and between sessions what is free, in libhdf5's free-space managers.
import { FreestoneError, checkInteger, shown } from '../../errors.js';
import { FileSpace, type FileSpaceOptions, type FreeSection } from '../../filespace/index.js';
import { corrupt } from '../format/bytes.js';
import { fileSpaceInfo, managerCount, spaceStrategies, type FileSpaceInfo, type SpaceStrategy } from '../format/file-space-info.js';
import {
  decodeManagerHeader,
  decodeSections,
  encodeManagerHeader,
  encodeSections,
  encodedSectionsSize,
  managerHeaderSize,
  sectionTypes,
  type StoredSection,
} from '../format/free-space.js';
import { decodeObjectHeader, encodeObjectHeader, messageType } from '../format/object-header.js';
import { decode, encode } from '../format/schema.js';
import { superblockSize } from '../format/superblock.js';
import type { Extent, MetadataBatch } from './file-store.js';

export interface SpaceOptions extends FileSpaceOptions {
  /** What is free when the file is closed is noted in it, for the next session of any program; false unless given. */
  readonly persist?: boolean;
  /** Smaller free sections are not noted; 1 unless given. */
  readonly threshold?: number;
}

const DEFAULT_PAGE_SIZE = 4096;
/** Where the message has the managers: metadata and raw data, of parts of pages where there are pages, and large blocks of any kind. */
const METADATA = 0;
const RAW = 2;
const LARGE = 6;

interface Written {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** The space of a new file with its superblock allocated at 0. @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_INVALID_ALIGNMENT, ERR_LIMIT_EXCEEDED */
export function newSpace({ persist, threshold, ...options }: SpaceOptions): { readonly space: FileSpace; readonly extension: SuperblockExtension } {
  if (persist !== undefined && typeof persist !== 'boolean') {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `persist must be true or false, not ${shown(persist)}`, { argument: 'persist' });
  }
  const space = new FileSpace(0, options);
  const extension = new SuperblockExtension({
    strategy: strategyOf(options),
    persist: persist === true,
    threshold: checkInteger('threshold', threshold ?? 1, { min: 1 }),
    pageSize: options.pageSize ?? null,
  });
  space.allocate(superblockSize, { kind: 'metadata' });
  return { space, extension };
}

/** libhdf5's name for what these options make. */
function strategyOf({ strategy, pageSize, metadataBlockSize, smallDataBlockSize }: FileSpaceOptions): SpaceStrategy {
  if (pageSize !== undefined) return 'page';
  if (strategy !== 'end-of-file') return 'fsm-aggr';
  return metadataBlockSize === 0 && smallDataBlockSize === 0 ? 'none' : 'aggr';
}

interface Settings {
  readonly strategy: SpaceStrategy;
  readonly persist: boolean;
  readonly threshold: number;
  readonly pageSize: number | null;
}

/** The object header behind the superblock that holds the file's space information; none where all is as by default. */
export class SuperblockExtension {
  readonly #settings: Settings;
  #extent: Extent | null = null;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  get #needed(): boolean {
    const { strategy, persist, threshold } = this.#settings;
    return strategy !== 'fsm-aggr' || persist || threshold !== 1;
  }

  /** libhdf5 keeps free space with these strategies alone. */
  get #keeps(): boolean {
    const { strategy, persist } = this.#settings;
    return persist && (strategy === 'fsm-aggr' || strategy === 'page');
  }

  /** Places it once: until the end of the session no free space is noted. @returns its address */
  commit(batch: MetadataBatch, onDurable: (() => void)[]): number | null {
    if (!this.#needed || this.#extent !== null) return this.#extent?.address ?? null;
    const bytes = this.#encode(null, []);
    const extent = { address: batch.place(bytes), size: bytes.length };
    onDurable.push(() => {
      this.#extent = extent;
    });
    return extent.address;
  }

  /** What is to be written when a session ends, none of it where the last commit has anything. No other call may follow. */
  finish(space: FileSpace): { readonly endOfFile: number; readonly extensionAddress: number | null; readonly parts: readonly Written[] } {
    space.releaseBlocks();
    space.shrinkTail();
    if (!this.#keeps || this.#extent === null) return { endOfFile: space.endOfFile, extensionAddress: this.#extent?.address ?? null, parts: [] };
    const paged = this.#settings.pageSize !== null;
    const unit = this.#settings.pageSize ?? 1;
    const parts: Written[] = [];
    const managers: { index: number; address: number }[] = [];
    const put = (index: number, sections: readonly StoredSection[], headerAddress: number, listAddress: number): void => {
      managers.push({ index, address: headerAddress });
      parts.push(
        { address: headerAddress, bytes: encodeManagerHeader(sections, listAddress) },
        { address: listAddress, bytes: encodeSections(sections, headerAddress) },
      );
    };
    const metadata = (size: number): number => space.allocate(size, { kind: 'metadata' });
    space.free(this.#extent.address, this.#extent.size);
    const extensionAddress = metadata(this.#encode(0, []).length);
    // Room for this manager changes what is free of metadata and not what is free of raw data, which it lists.
    const raw = this.#sections(space, RAW);
    if (raw.length > 0) put(RAW, raw, metadata(managerHeaderSize), metadata(encodedSectionsSize(raw)));
    // Those of metadata list what is free when they themselves are not there: they stand behind the file's end.
    const { endOfFile: endBefore } = space.serialise();
    let endOfFile = endBefore;
    const append = (size: number): number => {
      const address = endOfFile;
      endOfFile += Math.ceil(size / unit) * unit;
      return address;
    };
    for (const index of paged ? [METADATA, LARGE] : [METADATA]) {
      const sections = this.#sections(space, index);
      if (sections.length > 0) put(index, sections, append(managerHeaderSize), append(encodedSectionsSize(sections)));
    }
    const bytes = this.#encode(managers.length === 0 ? null : endBefore, managers);
    return { endOfFile, extensionAddress, parts: [...parts, { address: extensionAddress, bytes }] };
  }

  #sections(space: FileSpace, index: number): StoredSection[] {
    const paged = this.#settings.pageSize !== null;
    const managerOf = ({ kind }: FreeSection): number => (kind === 'metadata' ? METADATA : paged && kind === undefined ? LARGE : RAW);
    const type = sectionTypes.indexOf(!paged ? 'simple' : index === LARGE ? 'large' : 'small');
    return space
      .serialise()
      .free.filter((section) => section.size >= this.#settings.threshold && managerOf(section) === index)
      .map(({ offset, size }) => ({ offset, size, type }));
  }

  #encode(endBeforeManagers: number | null, managers: readonly { readonly index: number; readonly address: number }[]): Buffer {
    const { strategy, persist, threshold, pageSize } = this.#settings;
    const addresses = Array.from({ length: managerCount }, (_, i) => managers.find(({ index }) => index === i)?.address ?? null);
    const body = encode(fileSpaceInfo, {
      strategy: spaceStrategies.indexOf(strategy),
      persist: persist ? 1 : 0,
      threshold,
      pageSize: pageSize ?? DEFAULT_PAGE_SIZE,
      pageEndThreshold: 0,
      endBeforeManagers,
      managers: persist ? addresses : undefined,
    });
    return encodeObjectHeader([{ type: messageType.fileSpaceInfo, marked: true, body }]);
  }
}

type Read = (address: number, size: number) => Buffer;

/** What a superblock extension says of the file's space; null when it says nothing. @throws {FreestoneError} ERR_CORRUPT_FILE, ERR_UNSUPPORTED */
export function readSpaceInfo(read: Read, extensionAddress: number): FileSpaceInfo | null {
  const message = decodeObjectHeader(read, extensionAddress).messages.find(({ type }) => type === messageType.fileSpaceInfo);
  return message === undefined ? null : decode(fileSpaceInfo, message.body, 'the file space info message');
}

/** The superblock extension and the free-space managers that it leads to. @throws {FreestoneError} ERR_CORRUPT_FILE, ERR_UNSUPPORTED */
export function spaceExtents(read: Read, extensionAddress: number): Extent[] {
  const extents: Extent[] = [...decodeObjectHeader(read, extensionAddress).chunks];
  for (const address of readSpaceInfo(read, extensionAddress)?.managers ?? []) {
    if (address === null) continue;
    const { sectionsAddress, sectionsAllocated } = decodeManagerHeader(read(address, managerHeaderSize));
    extents.push({ address, size: managerHeaderSize });
    if (sectionsAddress !== null) extents.push({ address: sectionsAddress, size: sectionsAllocated });
  }
  return extents;
}

/**
 * The space of a file as its last session left it.
 * @throws {FreestoneError} ERR_CORRUPT_FILE, ERR_UNSUPPORTED
 */
export function restoredSpace(read: Read, info: FileSpaceInfo | null, endOfFile: number): FileSpace {
  const options: FileSpaceOptions = info === null ? {} : optionsOf(info);
  const addresses = info?.managers ?? [];
  if (info === null || addresses.every((address) => address === null)) return new FileSpace(endOfFile, options);
  const free: FreeSection[] = addresses.flatMap((address, index) => {
    if (address === null) return [];
    const header = decodeManagerHeader(read(address, managerHeaderSize));
    if (header.sectionsAddress === null) return [];
    const sections = decodeSections(header, address, read(header.sectionsAddress, header.sectionsSize));
    return sections.map(({ offset, size, type }): FreeSection => {
      if (sectionTypes[type] === 'large') return { offset, size };
      return { offset, size, kind: index % (managerCount / 2) === RAW || index % (managerCount / 2) === 3 ? 'raw' : 'metadata' };
    });
  });
  free.sort((a, b) => a.offset - b.offset);
  const end = info.endBeforeManagers ?? endOfFile;
  try {
    return FileSpace.restore(0, { endOfFile: end, free }, options);
  } catch (error) {
    if (error instanceof FreestoneError && error.code === 'ERR_INVALID_ARGUMENT') throw corrupt(`the file's free space cannot be: ${error.message}`);
    throw error;
  }
}

function optionsOf({ strategy, pageSize }: FileSpaceInfo): FileSpaceOptions {
  switch (spaceStrategies[strategy]) {
    case 'page':
      if (pageSize < 512 || pageSize > 2 ** 30 || !Number.isInteger(Math.log2(pageSize))) throw corrupt(`a file with pages of ${String(pageSize)} bytes`);
      return { pageSize };
    case 'aggr':
      return { strategy: 'end-of-file' };
    case 'none':
      return { strategy: 'end-of-file', metadataBlockSize: 0, smallDataBlockSize: 0 };
    default:
      return {};
  }
}
