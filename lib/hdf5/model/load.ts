// From the structures of a file that is being opened to groups and datasets.
import { attributeInfo } from '../format/attribute.js';
import { corrupt, unsupported } from '../format/bytes.js';
import { dataspace, type Dataspace } from '../format/dataspace.js';
import { datatype } from '../format/datatype.js';
import { externalFiles } from '../format/external-files.js';
import { fillValue } from '../format/fill-value.js';
import { filterPipeline } from '../format/filter-pipeline.js';
import { layout } from '../format/layout.js';
import { link, linkInfo } from '../format/link.js';
import { decodeObjectHeader, messageType, type ObjectHeader } from '../format/object-header.js';
import { decode, type Field } from '../format/schema.js';
import { readExternalFiles } from '../storage/external.js';
import type { FileStore } from '../storage/file-store.js';
import { loadAttribute } from './attributes.js';
import { DatasetNode } from './dataset-node.js';
import type { DatasetPlan } from './dataset-spec.js';
import { elementTypeOf } from './datatype.js';
import { filtersOf } from './filters.js';
import { Group } from './group.js';
import type { FileContext, ObjectNode } from './object-node.js';

export function readHeader(store: FileStore, headerAddress: number): ObjectHeader {
  return decodeObjectHeader((address, size) => store.readSync(address, size), headerAddress);
}

/** The one message of a type, or undefined. */
function message<T, I>(header: ObjectHeader, type: number, field: Field<T, I>, what: string): T | undefined {
  const found = header.messages.find((candidate) => candidate.type === type);
  return found === undefined ? undefined : decode(field, found.body, what);
}

/** @throws {FreestoneError} ERR_CORRUPT_FILE, ERR_UNSUPPORTED */
export function loadObject(context: FileContext, parent: ObjectNode | null, name: string, headerAddress: number): Group | DatasetNode {
  const header = readHeader(context.store, headerAddress);
  const isDataset = header.messages.some(({ type }) => type === messageType.layout);
  const node = isDataset && parent !== null ? loadDataset(context, parent, name, header) : loadGroup(context, parent, name, header);
  for (const { type, body } of header.messages) {
    if (type === messageType.attribute) loadAttribute(node, body);
  }
  const info = message(header, messageType.attributeInfo, attributeInfo, 'an attribute info message');
  if (info !== undefined && info.heapAddress !== null) {
    throw unsupported(`the dense storage of attributes, which ${node.path} has,`);
  }
  node.markStored(headerAddress, header.chunks);
  return node;
}

function loadGroup(context: FileContext, parent: ObjectNode | null, name: string, header: ObjectHeader): Group {
  const group = new Group(context, parent, name);
  const info = message(header, messageType.linkInfo, linkInfo, 'a link info message');
  if (info === undefined) throw unsupported(`what ${group.path} is, neither a group of the newer kind nor a dataset,`);
  if (info.heapAddress !== null) throw unsupported(`the dense storage of links, which ${group.path} has,`);
  for (const { type, body } of header.messages) {
    if (type !== messageType.link) continue;
    const { name: child, target } = decode(link, body, `a link of ${group.path}`);
    group.load(child, 'path' in target ? { softPath: target.path } : { storedAt: target.headerAddress });
  }
  return group;
}

function loadDataset(context: FileContext, parent: ObjectNode, name: string, header: ObjectHeader): DatasetNode {
  const space = message(header, messageType.dataspace, dataspace, 'a dataspace message');
  const type = message(header, messageType.datatype, datatype, 'a datatype message');
  const stored = message(header, messageType.layout, layout, 'a layout message');
  if (space === undefined || type === undefined || stored === undefined) throw corrupt(`the dataset ${name} lacks its dataspace or datatype`);
  if (stored.kind === 'compact') throw unsupported('the compact layout');
  const external = message(header, messageType.externalFiles, externalFiles, 'an external files message');
  if (external !== undefined && stored.kind !== 'contiguous') throw corrupt(`the dataset ${name} is in external files and in chunks`);
  const { shape, maxShape } = extentOf(space);
  if (stored.kind === 'chunked' && (stored.chunkShape.length !== shape.length || stored.elementSize !== type.size)) {
    throw corrupt(`the chunks of the dataset ${name} are not of its dimensions or not of its elements`);
  }
  const filters = message(header, messageType.filterPipeline, filterPipeline, 'a filter pipeline message') ?? [];
  // Names a filter that is not known.
  filtersOf(filters);
  const plan: DatasetPlan = {
    type: elementTypeOf(type),
    shape,
    maxShape,
    chunkShape: stored.kind === 'chunked' ? stored.chunkShape : null,
    filters,
    fill: message(header, messageType.fillValue, fillValue, 'a fill value message')?.value ?? null,
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
