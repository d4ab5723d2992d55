// A group: names for groups and datasets.
import { FreestoneError, shown } from '../../errors.js';
import { encodeHardLink, groupInfo, linkInfo } from '../format/link.js';
import { encodeObjectHeader, maxMessageSize, messageType, type HeaderMessage } from '../format/object-header.js';
import { encode } from '../format/schema.js';
import type { MetadataBatch } from '../storage/file-store.js';
import { Pending, begin, done, now, promised, settled, wait, type Steps } from '../storage/steps.js';
import { Attributes } from './attributes.js';
import { signalOf } from './call-options.js';
import type { DataBlock } from './data.js';
import { aboutDataset } from './about.js';
import { Dataset } from './dataset.js';
import { DatasetNode } from './dataset-node.js';
import { planDataset, type DatasetSpec } from './dataset-spec.js';
import type { DatatypeSpec } from './datatype.js';
import { ObjectNode, pathParts, type FileContext } from './object-node.js';
import { createTable, type Table, type TableOptions } from './table.js';

/** What a name leads to that is in the file: the header's address of an object that has not been asked for, or another path. */
export type StoredLink = number | { readonly softPath: string };

const MAX_SOFT_LINKS = 16;
/** Groups in groups: each level takes a part of the call stack when a file is committed. */
const MAX_DEPTH = 512;
const newGroupMessages: readonly HeaderMessage[] = [
  {
    type: messageType.linkInfo,
    body: encode(linkInfo, { flags: 0, heapAddress: null, nameIndexAddress: null }),
  },
  {
    type: messageType.groupInfo,
    constant: true,
    body: encode(groupInfo, { flags: 0 }),
  },
];

/** A link's message holds the name and some 20 bytes more. */
const MAX_NAME_BYTES = maxMessageSize - 64;
/** With most names. */
const LINK_BYTES = 48;

interface NewDataset {
  readonly dataset: Dataset;
  /** Settles when its data is written; undefined when that is so. */
  readonly writing: Pending | undefined;
}

export class Group extends ObjectNode {
  readonly #children: Map<string, Group | Dataset | StoredLink>;
  #attrs: Attributes | undefined;

  /** @param links what it has in the file; becomes its own @internal */
  constructor(context: FileContext, parent: ObjectNode | null, name: string, links: Map<string, StoredLink> = new Map<string, StoredLink>()) {
    super(context, parent, name);
    this.#children = links;
  }

  get attrs(): Attributes {
    return (this.#attrs ??= new Attributes({ node: this }));
  }

  /** The names in this group, in the order in which they were made. */
  keys(): IterableIterator<string> {
    return this.#children.keys();
  }

  get size(): number {
    return this.#children.size;
  }

  /** Whether a path, from here or with a leading slash from the root, leads to an object. @throws {FreestoneError} ERR_CLOSED */
  has(path: string): boolean {
    this.context.assertOpen();
    return this.#find(path) !== undefined;
  }

  /**
   * The group or dataset at a path, from here or with a leading slash from the root.
   * @throws {FreestoneError} ERR_NOT_FOUND, ERR_CLOSED; in an opened file also ERR_UNSUPPORTED, ERR_CORRUPT_FILE
   */
  get(path: string): Group | Dataset {
    this.context.assertOpen();
    const found = this.#find(path);
    if (found !== undefined) return found;
    throw new FreestoneError('ERR_NOT_FOUND', `there is no ${shown(path)} in ${this.path} of ${this.context.path}`, { path });
  }

  /** The groups and datasets in this group. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Group | Dataset> {
    await Promise.resolve();
    for (const name of [...this.keys()]) yield this.get(name);
  }

  /**
   * Makes a group; groups along the path that are missing are made too.
   * @throws {FreestoneError} ERR_EXISTS, ERR_INVALID_ARGUMENT, ERR_TYPE_MISMATCH when the path leads through a dataset, ERR_LIMIT_EXCEEDED, ERR_CLOSED, ERR_READ_ONLY
   */
  createGroup(path: string): Group {
    this.assertWritable();
    const { above, name } = this.#newPlace(path);
    return above().#addGroup(name);
  }

  /**
   * Makes a dataset and writes its data; groups along the path that are missing are made too. When the data cannot be
   * written, the dataset and those groups are taken away again, and their space may be used after the next flush.
   * @throws {FreestoneError} ERR_EXISTS, ERR_INVALID_ARGUMENT, ERR_INVALID_SIZE, ERR_TYPE_MISMATCH, ERR_UNSUPPORTED, ERR_CLOSED, ERR_READ_ONLY, or the system's own
   */
  async createDataset(path: string, spec: DatasetSpec): Promise<Dataset> {
    this.assertWritable();
    try {
      const { dataset, writing } = this.#newDataset(path, spec);
      if (writing !== undefined) await promised(writing);
      return dataset;
    } catch (error) {
      throw aboutDataset(this.#pathOf(path), error);
    }
  }

  /** As `createDataset`, within the call. @throws {FreestoneError} also ERR_UNSUPPORTED from within another call */
  createDatasetSync(path: string, spec: DatasetSpec): Dataset {
    this.assertWritable();
    try {
      return now(() => begin(this.#made(this.#newDataset(path, spec))));
    } catch (error) {
      throw aboutDataset(this.#pathOf(path), error);
    }
  }

  /**
   * Makes an empty table that grows; groups along the path that are missing are made too.
   * @param columns the name of each column and its type
   * @throws {FreestoneError} as `createDataset`
   */
  // eslint-disable-next-line @typescript-eslint/require-await -- what is wrong rejects, as by the other calls
  async createTable(path: string, columns: Readonly<Record<string, DatatypeSpec>>, options: TableOptions = {}): Promise<Table> {
    return this.createTableSync(path, columns, options);
  }

  /** As `createTable`, within the call. */
  createTableSync(path: string, columns: Readonly<Record<string, DatatypeSpec>>, options: TableOptions = {}): Table {
    this.assertWritable();
    return createTable(this, path, columns, options);
  }

  /** Of what is to be made; a wrong path as it is. */
  #pathOf(path: string): string {
    if (typeof path !== 'string') return shown(path);
    return path.startsWith('/') ? path : `${this.path === '/' ? '' : this.path}/${path}`;
  }

  /** Makes a dataset without data, for which nothing need be waited. @internal */
  newEmptyDataset(path: string, spec: Omit<DatasetSpec, 'data'>): Dataset {
    return this.#newDataset(path, spec).dataset;
  }

  #newDataset(path: string, spec: DatasetSpec): NewDataset {
    const signal = signalOf(spec);
    const { plan, block } = planDataset(spec);
    const { group, above, name } = this.#newPlace(path);
    const parent = above();
    const node = new DatasetNode(this.context, parent, name, plan);
    const dataset = new Dataset(parent, name, node);
    parent.#add(name, dataset);
    this.context.noteHeld(dataset);
    if (block === null) return { dataset, writing: undefined };
    const writing = parent.#firstWrite(node, block, signal);
    return { dataset, writing: writing === undefined ? undefined : begin(parent.#undoneUnless(writing, node, group)) };
  }

  *#made({ dataset, writing }: NewDataset): Steps<Dataset> {
    yield* wait(writing ?? done);
    return dataset;
  }

  #firstWrite(node: DatasetNode, block: DataBlock, signal: AbortSignal | undefined): Pending | undefined {
    try {
      return node.write(block, undefined, signal);
    } catch (error) {
      const failed = new Pending();
      failed.reject(error);
      return failed;
    }
  }

  /** Takes a dataset away whose data cannot be written, and the groups that were made for it, up to `last`. */
  *#undoneUnless(writing: Pending, node: DatasetNode, last: Group): Steps {
    yield* settled(writing);
    if (!writing.hasFailed) return;
    this.#remove(node.name);
    yield* node.discard();
    yield* this.#removeEmpty(last);
    writing.check();
  }

  /** What a name leads to without following a soft link: its target's path, or undefined. @internal */
  softTarget(name: string): string | undefined {
    const child = this.#children.get(name);
    return isSoft(child) ? child.softPath : undefined;
  }

  #remove(name: string): void {
    this.#children.delete(name);
    this.touch();
  }

  /** Takes this group away, and those above it up to `last`, as long as nothing has been put into them. */
  *#removeEmpty(last: Group): Steps {
    const { parentNode: parent } = this;
    if (this === last || !(parent instanceof Group) || this.size > 0 || this.attributes.size > 0) return;
    parent.#remove(this.name);
    this.markGone();
    yield* settled(this.context.flushed());
    this.releaseHeader();
    yield* parent.#removeEmpty(last);
  }

  #add(name: string, child: Group | Dataset): void {
    this.#children.set(name, child);
    this.touch();
  }

  #addGroup(name: string): Group {
    const group = new Group(this.context, this, name);
    this.#add(name, group);
    return group;
  }

  /** The place of a new object, checked; the groups above it are made only when `above` is called. */
  #newPlace(path: string): { group: Group; above: () => Group; name: string } {
    const parts = pathParts(path);
    const name = parts.pop();
    if (name === undefined) throw new FreestoneError('ERR_EXISTS', `${shown(path)} is the group itself`, { path });
    const long = path.length * 3 > MAX_NAME_BYTES ? [...parts, name].find((part) => Buffer.byteLength(part) > MAX_NAME_BYTES) : undefined;
    if (long !== undefined) throw new FreestoneError('ERR_INVALID_SIZE', `a name of ${String(long.length)} characters is too long for a group`);
    // Down to the last group that is there.
    let group = path.startsWith('/') ? this.#root() : this;
    while (parts.length > 0) {
      const next = group.#child(parts[0] ?? '');
      if (next === undefined) break;
      if (!(next instanceof Group)) {
        throw new FreestoneError('ERR_TYPE_MISMATCH', `${next.path} is a dataset and cannot hold ${shown(path)}`, { path });
      }
      group = next;
      parts.shift();
    }
    if (parts.length === 0 && group.#children.has(name)) {
      throw new FreestoneError('ERR_EXISTS', `there is a ${shown(name)} in ${group.path} already`, { path });
    }
    if (group.depth + parts.length + 1 > MAX_DEPTH) {
      throw new FreestoneError('ERR_LIMIT_EXCEEDED', `groups are nested in each other up to ${String(MAX_DEPTH)} deep`, {
        requested: group.depth + parts.length + 1,
        limit: MAX_DEPTH,
      });
    }
    const above = (): Group => parts.reduce((holder, part) => holder.#addGroup(part), group);
    return { group, above, name };
  }

  #root(): Group {
    return this.parentNode instanceof Group ? this.parentNode.#root() : this;
  }

  #find(path: string, softLinks = 0): Group | Dataset | undefined {
    const parts = pathParts(path);
    let found: Group | Dataset | undefined = path.startsWith('/') ? this.#root() : this;
    for (const part of parts) {
      if (!(found instanceof Group)) return undefined;
      found = found.#child(part, softLinks);
    }
    return found;
  }

  #child(name: string, softLinks = 0): Group | Dataset | undefined {
    const child = this.#children.get(name);
    if (child === undefined || child instanceof Group || child instanceof Dataset) return child;
    if (isSoft(child)) {
      if (softLinks >= MAX_SOFT_LINKS) throw new FreestoneError('ERR_UNSUPPORTED', `too many soft links lead on from ${this.path}`);
      return this.#find(child.softPath, softLinks + 1);
    }
    if (this.depth >= MAX_DEPTH) throw new FreestoneError('ERR_UNSUPPORTED', `a group of more than ${String(MAX_DEPTH)} levels is not supported`);
    const loaded = this.context.load(this, name, child);
    const object = loaded instanceof Group ? loaded : new Dataset(this, name, loaded);
    this.#children.set(name, object);
    if (object instanceof Dataset) this.context.noteHeld(object);
    return object;
  }

  /** @internal */
  protected encodeHeader(batch: MetadataBatch, onDurable: (() => void)[]): number {
    const addresses: number[] = [];
    for (const child of this.#children.values()) {
      if (isSoft(child)) throw new FreestoneError('ERR_UNSUPPORTED', 'a soft link cannot be written');
      if (typeof child === 'number') addresses.push(child);
      else if (child instanceof Group) addresses.push(child.commit(batch, onDurable));
      else addresses.push(child.held?.commit(batch, onDurable) ?? child.headerAddress ?? 0);
    }
    return batch.place(encodeObjectHeader(this.#messages(addresses), LINK_BYTES * addresses.length));
  }

  *#messages(addresses: readonly number[]): Generator<HeaderMessage> {
    yield* newGroupMessages;
    let i = 0;
    for (const name of this.#children.keys()) {
      yield { type: messageType.link, body: encodeHardLink(name, addresses[i] ?? 0) };
      i += 1;
    }
    yield* this.attributeMessages();
  }
}

function isSoft(child: Group | Dataset | StoredLink | undefined): child is { readonly softPath: string } {
  return typeof child === 'object' && 'softPath' in child;
}
