// A group: names for groups and datasets.
import { FreestoneError, shown } from '../../errors.js';
import { encodeHardLink, groupInfo, linkInfo } from '../format/link.js';
import { encodeObjectHeader, maxMessageSize, messageType, type HeaderMessage } from '../format/object-header.js';
import { encode } from '../format/schema.js';
import type { MetadataBatch } from '../storage/file-store.js';
import { Dataset } from './dataset.js';
import { planDataset, type DatasetSpec } from './dataset-spec.js';
import type { DatatypeSpec } from './datatype.js';
import { ObjectNode, pathParts } from './object-node.js';
import { createTable, type Table, type TableOptions } from './table.js';

/** What a name leads to that is in the file: an object that is not held here, but may be by others, or another path. */
export type StoredLink = { readonly headerAddress: number; readonly held?: WeakRef<Dataset> } | { readonly softPath: string };

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

export class Group extends ObjectNode {
  readonly #children = new Map<string, Group | Dataset | StoredLink>();

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
    return above().#add(name, (parent) => new Group(this.context, parent, name));
  }

  /**
   * Makes a dataset and writes its data; groups along the path that are missing are made too. When the data cannot be
   * written, the dataset and those groups are taken away again, and their space may be used after the next flush.
   * @throws {FreestoneError} ERR_EXISTS, ERR_INVALID_ARGUMENT, ERR_INVALID_SIZE, ERR_TYPE_MISMATCH, ERR_UNSUPPORTED, ERR_CLOSED, ERR_READ_ONLY, or the system's own
   */
  async createDataset(path: string, spec: DatasetSpec): Promise<Dataset> {
    this.assertWritable();
    const { plan, block } = planDataset(spec);
    const { group, above, name } = this.#newPlace(path);
    const parent = above();
    const dataset = parent.#add(name, () => new Dataset(this.context, parent, name, plan));
    this.context.noteChanged(dataset);
    if (block === null) return dataset;
    try {
      await dataset.writeBlock(block);
    } catch (error) {
      parent.#remove(name);
      await dataset.discard();
      await parent.#removeEmpty(group);
      throw error;
    }
    return dataset;
  }

  /**
   * Makes an empty table that grows; groups along the path that are missing are made too.
   * @param columns the name of each column and its type
   * @throws {FreestoneError} as `createDataset`
   */
  async createTable(path: string, columns: Readonly<Record<string, DatatypeSpec>>, options: TableOptions = {}): Promise<Table> {
    this.assertWritable();
    return createTable(this, path, columns, options);
  }

  /** @internal */
  load(name: string, stored: StoredLink): void {
    this.#children.set(name, stored);
  }

  /** What a name leads to without following a soft link: its target's path, or undefined. @internal */
  softTarget(name: string): string | undefined {
    const child = this.#children.get(name);
    return child !== undefined && 'softPath' in child ? child.softPath : undefined;
  }

  #remove(name: string): void {
    this.#children.delete(name);
    this.touch();
  }

  /** Takes this group away, and those above it up to `last`, as long as nothing has been put into them. */
  async #removeEmpty(last: Group): Promise<void> {
    const { parentNode: parent } = this;
    if (this === last || !(parent instanceof Group) || this.size > 0 || this.attrs.size > 0) return;
    parent.#remove(this.name);
    this.markGone();
    await this.context.flushed();
    this.releaseHeader();
    await parent.#removeEmpty(last);
  }

  #add<T extends Group | Dataset>(name: string, make: (parent: Group) => T): T {
    const child = make(this);
    this.#children.set(name, child);
    this.touch();
    return child;
  }

  /** The place of a new object, checked; the groups above it are made only when `above` is called. */
  #newPlace(path: string): { group: Group; above: () => Group; name: string } {
    const parts = pathParts(path);
    const name = parts.pop();
    if (name === undefined) throw new FreestoneError('ERR_EXISTS', `${shown(path)} is the group itself`, { path });
    const long = [...parts, name].find((part) => Buffer.byteLength(part) > MAX_NAME_BYTES);
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
    const above = (): Group =>
      parts.reduce((holder, part) => holder.#add(part, (parent) => new Group(this.context, parent, part)), group);
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
    if (child === undefined || child instanceof ObjectNode) return child;
    if ('softPath' in child) {
      if (softLinks >= MAX_SOFT_LINKS) throw new FreestoneError('ERR_UNSUPPORTED', `too many soft links lead on from ${this.path}`);
      return this.#find(child.softPath, softLinks + 1);
    }
    if (this.depth >= MAX_DEPTH) throw new FreestoneError('ERR_UNSUPPORTED', `a group of more than ${String(MAX_DEPTH)} levels is not supported`);
    const held = child.held?.deref();
    if (held !== undefined) return held;
    const loaded = this.context.load(this, name, child.headerAddress);
    if (loaded instanceof Group) this.#children.set(name, loaded);
    return loaded;
  }

  /** @internal */
  protected override letChildGo(child: Dataset): void {
    if (child.headerAddress === null) return;
    this.#children.set(child.name, { headerAddress: child.headerAddress, held: new WeakRef(child) });
  }

  /** @internal */
  protected override takeBack(child: Dataset): void {
    this.#children.set(child.name, child);
  }

  /** @internal */
  protected encodeHeader(batch: MetadataBatch, onDurable: (() => void)[]): number {
    const addresses: number[] = [];
    for (const child of this.#children.values()) {
      if ('softPath' in child) throw new FreestoneError('ERR_UNSUPPORTED', 'a soft link cannot be written');
      addresses.push(child instanceof ObjectNode ? child.commit(batch, onDurable) : child.headerAddress);
    }
    return batch.place(encodeObjectHeader(this.#messages(addresses)));
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
