// Which bytes of a file belong to whom.
import { FreestoneError } from '../../errors.js';
import { chunkNodeSize } from '../format/btree1.js';
import { collectionHeaderSize, collectionSizeAt } from '../format/global-heap.js';
import { dataspace } from '../format/dataspace.js';
import { externalFiles } from '../format/external-files.js';
import { layout } from '../format/layout.js';
import { messageType } from '../format/object-header.js';
import { decode } from '../format/schema.js';
import { superblockSize, decodeSuperblock } from '../format/superblock.js';
import { ChunkIndex } from '../storage/chunk-index.js';
import { readExternalFiles } from '../storage/external.js';
import type { FileStore } from '../storage/file-store.js';
import { spaceExtents } from '../storage/superblock-extension.js';
import { type Dataset } from './dataset.js';
import { Group } from './group.js';
import { extentOf, readHeader } from './load.js';

/** `unused` is space that no structure refers to: of earlier commits, or of chunks that were written anew. */
export type ExtentKind = 'superblock' | 'header' | 'index' | 'data' | 'heap' | 'unused';

export interface FileExtent {
  readonly offset: number;
  readonly size: number;
  readonly kind: ExtentKind;
  /** The path of the object that it belongs to; '' where it belongs to the file. */
  readonly owner: string;
}

/** Walks all that the superblock leads to, and says what lies between. */
export function mapFile(store: FileStore, root: Group): FileExtent[] {
  const { endOfFile, rootHeaderAddress, extensionAddress } = decodeSuperblock(store.readSync(0, superblockSize));
  const extents: FileExtent[] = [{ offset: 0, size: superblockSize, kind: 'superblock', owner: '' }];
  if (extensionAddress !== null) {
    const own = spaceExtents((at, size) => store.readSync(at, size), extensionAddress);
    extents.push(...own.map(({ address, size }): FileExtent => ({ offset: address, size, kind: 'superblock', owner: '' })));
  }
  const seen = new Set<number>();
  const visit = (node: Group | Dataset): void => {
    const address = node === root ? rootHeaderAddress : node.headerAddress;
    if (address === null || seen.has(address)) return;
    seen.add(address);
    const owner = node.path;
    const header = readHeader(store, address);
    for (const chunk of header.chunks) extents.push({ offset: chunk.address, size: chunk.size, kind: 'header', owner });
    if (node instanceof Group) {
      for (const name of node.keys()) if (node.softTarget(name) === undefined) visit(node.get(name));
      return;
    }
    const external = header.messages.find(({ type }) => type === messageType.externalFiles);
    if (external !== undefined) {
      const { names } = readExternalFiles(decode(externalFiles, external.body, 'an external files message'), (at, size) => store.readSync(at, size));
      for (const { address: at, size } of names) extents.push({ offset: at, size, kind: 'heap', owner });
    }
    const message = header.messages.find(({ type }) => type === messageType.layout);
    if (message === undefined) return;
    const where = decode(layout, message.body, 'a layout message');
    if (where.kind === 'contiguous' && where.address !== null) {
      extents.push({ offset: where.address, size: where.size, kind: 'data', owner });
    }
    if (where.kind === 'chunked' && where.indexAddress !== null) {
      // The shape as of the commit, like the tree: the dataset may have another by now.
      const space = header.messages.find(({ type }) => type === messageType.dataspace);
      const { shape } = extentOf(decode(dataspace, space?.body ?? Buffer.alloc(0), 'a dataspace message'));
      const index = new ChunkIndex(where.chunkShape, shape);
      index.decode(
        where.indexAddress,
        (at, size) => store.readSync(at, size),
        (at) => extents.push({ offset: at, size: chunkNodeSize(where.chunkShape.length), kind: 'index', owner }),
      );
      for (const { address: at, size } of index.entries()) extents.push({ offset: at, size, kind: 'data', owner });
    }
  };
  visit(root);
  return withGaps(store, extents, endOfFile);
}

/** Nothing but elements refers to heap collections, so they are told by their signature in what is left. */
function withGaps(store: FileStore, extents: FileExtent[], endOfFile: number): FileExtent[] {
  extents.sort((a, b) => a.offset - b.offset);
  const complete: FileExtent[] = [];
  let at = 0;
  for (const extent of [...extents, { offset: endOfFile, size: 0, kind: 'unused', owner: '' } as const]) {
    if (extent.offset > at) complete.push(...gap(store, at, extent.offset));
    if (extent.size > 0) complete.push(extent);
    at = Math.max(at, extent.offset + extent.size);
  }
  return complete;
}

const SEARCH_WINDOW = 2 ** 20;

function* gap(store: FileStore, start: number, end: number): Generator<FileExtent> {
  let unusedFrom = start;
  for (let at = start; at < end; ) {
    const window = store.readSync(at, Math.min(SEARCH_WINDOW, end - at));
    const found = window.indexOf('GCOL');
    if (found < 0) {
      // A signature may begin in the last three bytes.
      at += Math.max(1, window.length - 3);
      continue;
    }
    at += found;
    const size = collectionSize(store, at);
    if (size === null || at + size > end) {
      at += 4;
      continue;
    }
    if (at > unusedFrom) yield { offset: unusedFrom, size: at - unusedFrom, kind: 'unused', owner: '' };
    yield { offset: at, size, kind: 'heap', owner: '' };
    at += size;
    unusedFrom = at;
  }
  if (end > unusedFrom) yield { offset: unusedFrom, size: end - unusedFrom, kind: 'unused', owner: '' };
}

/** Null for bytes that only look like the start of a collection. */
function collectionSize(store: FileStore, at: number): number | null {
  try {
    const size = collectionSizeAt(store.readSync(at, collectionHeaderSize));
    return size !== null && size >= collectionHeaderSize ? size : null;
  } catch (error) {
    if (error instanceof FreestoneError && error.code === 'ERR_CORRUPT_FILE') return null;
    throw error;
  }
}
