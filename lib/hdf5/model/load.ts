// From the structures of a file that is being opened to groups and datasets.
import { attributeInfo, attributeName } from '../format/attribute.js';
import { ByteReader, corrupt, unsupported } from '../format/bytes.js';
import { dataspace, type Dataspace } from '../format/dataspace.js';
import { datatype } from '../format/datatype.js';
import { externalFiles } from '../format/external-files.js';
import { fillValue } from '../format/fill-value.js';
import { filterPipeline } from '../format/filter-pipeline.js';
import { layout, type Layout } from '../format/layout.js';
import { decodeHardLink, link, linkInfo } from '../format/link.js';
import { CHECKSUM_SIZE, decodeObjectHeader, isSealed, messageType, type MessageTaker, type ObjectHeader } from '../format/object-header.js';
import { decode, sharedDecoder, type Decoded } from '../format/schema.js';
import { product } from '../storage/box.js';
import { readExternalFiles } from '../storage/external.js';
import type { FileStore } from '../storage/file-store.js';
import { DatasetNode } from './dataset-node.js';
import type { DatasetPlan } from './dataset-spec.js';
import { elementTypeOf } from './datatype.js';
import { filtersOf } from './filters.js';
import { Group, type StoredLink } from './group.js';
import { childPath, type FileContext, type ObjectNode } from './object-node.js';

export function readHeader(store: FileStore, headerAddress: number, take?: MessageTaker): ObjectHeader {
  return decodeObjectHeader((address, size) => store.readSync(address, size), headerAddress, take);
}

// What many objects of a file have in common.
const decodeSpace = sharedDecoder(dataspace);
const decodeType = sharedDecoder(datatype);
const decodeFill = sharedDecoder(fillValue);
const decodeFilters = sharedDecoder(filterPipeline);
const decodeLayout = (body: Uint8Array, what: string): Layout => decode(layout, body, what);
const decodeExternal = (body: Uint8Array, what: string): Decoded<typeof externalFiles> => decode(externalFiles, body, what);
const decodeAttributeInfo = sharedDecoder(attributeInfo);
const decodeLinkInfo = sharedDecoder(linkInfo);

/** The one message of a type, or undefined. */
function message<T>(header: ObjectHeader, type: number, decoder: (body: Uint8Array, what: string) => T, what: string): T | undefined {
  for (const candidate of header.messages) if (candidate.type === type) return decoder(candidate.body, what);
  return undefined;
}

/** The last header of a plain contiguous dataset that was read: many datasets of a file differ in nothing but their address. */
let pattern: { readonly bytes: Buffer; readonly placeAt: number; readonly size: number; readonly plan: DatasetPlan } | undefined;
/** In the message of a contiguous layout, before the address. */
const PLACE_IN_LAYOUT = 2;
const ADDRESS_SIZE = 8;

/** A dataset whose header is like the last one. Undefined, and nothing is wrong, for others. */
function loadAlike(context: FileContext, parent: ObjectNode, name: string, headerAddress: number): DatasetNode | undefined {
  if (pattern === undefined) return undefined;
  const { bytes: like, placeAt, size, plan } = pattern;
  const bytes = context.store.readSync(headerAddress, like.length);
  const end = like.length - CHECKSUM_SIZE;
  if (bytes.length < like.length || like.compare(bytes, 0, placeAt, 0, placeAt) !== 0) return undefined;
  const behind = placeAt + ADDRESS_SIZE;
  if (like.compare(bytes, behind, end, behind, end) !== 0 || !isSealed(bytes)) return undefined;
  const address = new ByteReader(bytes.subarray(placeAt, behind), 'a layout message').uint64();
  const node = new DatasetNode(context, parent, name, plan, { kind: 'contiguous', address, size });
  node.markStored(headerAddress, [{ address: headerAddress, size: like.length }]);
  return node;
}

/** Remembers a header that others may be like. */
function remember({ bytes, messages, chunks }: ObjectHeader, plan: DatasetPlan): void {
  const stored = messages.find(({ type }) => type === messageType.layout)?.body;
  const isPlain = plan.chunkShape === null && plan.external === undefined && chunks.length === 1;
  if (!isPlain || stored === undefined || messages.some(({ type }) => type === messageType.attribute)) return;
  const placeAt = stored.byteOffset - bytes.byteOffset + PLACE_IN_LAYOUT;
  pattern = { bytes, placeAt, size: product(plan.shape) * plan.type.size, plan };
}

/** @throws {FreestoneError} ERR_CORRUPT_FILE, ERR_UNSUPPORTED */
export function loadObject(context: FileContext, parent: ObjectNode | null, name: string, headerAddress: number): Group | DatasetNode {
  const alike = parent === null ? undefined : loadAlike(context, parent, name, headerAddress);
  if (alike !== undefined) return alike;
  const links = new Map<string, StoredLink>();
  const header = readHeader(context.store, headerAddress, (type, chunk, start, end) => {
    if (type !== messageType.link) return false;
    const hard = decodeHardLink(chunk, start, end);
    if (hard !== undefined) links.set(hard.name, hard.headerAddress);
    else addLink(links, chunk.subarray(start, end), `a link of ${parent === null ? '/' : childPath(parent, name)}`);
    return true;
  });
  const isDataset = header.messages.some(({ type }) => type === messageType.layout);
  const node = isDataset && parent !== null ? loadDataset(context, parent, name, header) : loadGroup(context, parent, name, header, links);
  for (const { type, chunk, start, end } of header.messages) {
    if (type === messageType.attribute) node.attributes.load(attributeName(chunk, start, end, 'an attribute'), chunk, start, end);
  }
  const info = message(header, messageType.attributeInfo, decodeAttributeInfo, 'an attribute info message');
  if (info !== undefined && info.heapAddress !== null) {
    throw unsupported(`the dense storage of attributes, which ${node.path} has,`);
  }
  node.markStored(headerAddress, header.chunks);
  if (node instanceof DatasetNode) remember(header, node.plan);
  return node;
}

function addLink(links: Map<string, StoredLink>, body: Buffer, what: string): void {
  const { name, target } = decode(link, body, what);
  links.set(name, 'path' in target ? { softPath: target.path } : target.headerAddress);
}

function loadGroup(context: FileContext, parent: ObjectNode | null, name: string, header: ObjectHeader, links: Map<string, StoredLink>): Group {
  const group = new Group(context, parent, name, links);
  const info = message(header, messageType.linkInfo, decodeLinkInfo, 'a link info message');
  if (info === undefined) throw unsupported(`what ${group.path} is, neither a group of the newer kind nor a dataset,`);
  if (info.heapAddress !== null) throw unsupported(`the dense storage of links, which ${group.path} has,`);
  return group;
}

function loadDataset(context: FileContext, parent: ObjectNode, name: string, header: ObjectHeader): DatasetNode {
  const space = message(header, messageType.dataspace, decodeSpace, 'a dataspace message');
  const type = message(header, messageType.datatype, decodeType, 'a datatype message');
  const stored = message(header, messageType.layout, decodeLayout, 'a layout message');
  if (space === undefined || type === undefined || stored === undefined) throw corrupt(`the dataset ${name} lacks its dataspace or datatype`);
  if (stored.kind === 'compact') throw unsupported('the compact layout');
  const external = message(header, messageType.externalFiles, decodeExternal, 'an external files message');
  if (external !== undefined && stored.kind !== 'contiguous') throw corrupt(`the dataset ${name} is in external files and in chunks`);
  const { shape, maxShape } = extentOf(space);
  if (stored.kind === 'chunked' && (stored.chunkShape.length !== shape.length || stored.elementSize !== type.size)) {
    throw corrupt(`the chunks of the dataset ${name} are not of its dimensions or not of its elements`);
  }
  const filters = message(header, messageType.filterPipeline, decodeFilters, 'a filter pipeline message') ?? [];
  // Names a filter that is not known.
  filtersOf(filters);
  const plan: DatasetPlan = {
    type: elementTypeOf(type),
    shape,
    maxShape,
    chunkShape: stored.kind === 'chunked' ? stored.chunkShape : null,
    filters,
    fill: message(header, messageType.fillValue, decodeFill, 'a fill value message')?.value ?? null,
    ...(external === undefined ? {} : { external: readExternalFiles(external, (address, size) => context.store.readSync(address, size)).runs }),
  };
  return new DatasetNode(context, parent, name, plan, stored);
}

/** Elements along each dimension, and how many there may be. */
export function extentOf(space: Dataspace): { shape: readonly number[]; maxShape: readonly (number | null)[] } {
  if (space.kind === 'null') throw unsupported('a dataset without a dataspace');
  if (space.kind === 'scalar') return { shape: [], maxShape: [] };
  return { shape: space.shape, maxShape: space.maxShape ?? space.shape };
}
