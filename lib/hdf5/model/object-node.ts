// What groups and datasets share: a place in the tree, attributes, and knowing whether the file has their latest state.
import { FreestoneError, shown } from '../../errors.js';
import type { HeaderMessage } from '../format/object-header.js';
import type { Extent, FileStore, MetadataBatch } from '../storage/file-store.js';
import type { GlobalHeap } from '../storage/global-heap.js';
import type { Pending } from '../storage/steps.js';
import { AttributeMessages } from './attribute-messages.js';
import { attributeMessages } from './attributes.js';
import type { Dataset } from './dataset.js';
import type { DatasetNode } from './dataset-node.js';
import { isText } from './element-type.js';
import type { Group } from './group.js';

/** One open file as its objects see it. */
export interface FileContext {
  readonly path: string;
  readonly store: FileStore;
  readonly heap: GlobalHeap;
  /** @throws {FreestoneError} ERR_CLOSED after close, ERR_READ_ONLY in a file opened for reading */
  assertWritable(): void;
  /** @throws {FreestoneError} ERR_CLOSED */
  assertOpen(): void;
  /** Whether it was opened for writing. */
  readonly isWritable: boolean;
  /**
   * A dataset that is about to take data, which the next flush must see to.
   * @returns what it has to wait for: a flush that was asked for before and has not yet got its state of the file
   */
  noteUnflushed(dataset: DatasetNode): Pending | undefined;
  /** A dataset that was taken away: no flush asks for its data any more, and nobody lets it go. */
  forget(dataset: DatasetNode): void;
  /** Whether a flush was asked for that has not yet got its state of the file. */
  readonly isFlushBeginning: boolean;
  /** A dataset that is in memory, and may be let go of once others have come after it. */
  noteHeld(dataset: Dataset): void;
  /** Settles when every flush that was asked for until now has ended, well or not. */
  flushed(): Pending;
  /** The object behind a header of the file. */
  load(parent: Group, name: string, headerAddress: number): Group | DatasetNode;
}

export abstract class ObjectNode {
  /** @internal */
  readonly context: FileContext;
  /** The group that holds this object, or null for the root. @internal */
  readonly parentNode: ObjectNode | null;
  /** The last part of `path`; '' for the root. */
  readonly name: string;
  /** How many groups are above it. @internal */
  readonly depth: number;
  #attributes: AttributeMessages | undefined;
  #version = 0;
  #committed = -1;
  #address: number | null = null;
  /** Where its header is. */
  #extents: readonly Extent[] = [];
  /** It was made for a dataset that could not be written, or is that dataset. */
  #isGone = false;

  /** @internal */
  constructor(context: FileContext, parent: ObjectNode | null, name: string) {
    this.context = context;
    this.parentNode = parent;
    this.name = name;
    this.depth = parent === null ? 0 : parent.depth + 1;
  }

  /** @internal */
  get attributes(): AttributeMessages {
    // Most of many small datasets have none.
    return (this.#attributes ??= new AttributeMessages());
  }

  /** From the root, `/` itself for the root. */
  get path(): string {
    return this.parentNode === null ? '/' : childPath(this.parentNode, this.name);
  }

  /** Notes that this object must be written again, and so must all above it, whose links will change. @internal */
  touch(): void {
    this.#version += 1;
    this.parentNode?.touch();
  }

  /** The object is in the file already, or on its way there outside of a commit. @internal */
  markStored(address: number, extents: readonly Extent[]): void {
    this.#address = address;
    this.#extents = extents;
    this.#committed = this.#version;
  }

  /** Whether what was stored last is its latest state. @internal */
  get isStored(): boolean {
    return this.#address !== null && this.#committed === this.#version;
  }

  /** Whether it was taken away again: it is in no group, and must not come back into one. @internal */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** @throws {FreestoneError} ERR_CLOSED, ERR_READ_ONLY, ERR_NOT_FOUND when it was taken away @internal */
  assertWritable(): void {
    this.context.assertWritable();
    if (!this.#isGone) return;
    throw new FreestoneError('ERR_NOT_FOUND', `${this.path} was taken away: the dataset could not be written`, { path: this.path });
  }

  /** It is in no group any more. @internal */
  protected markGone(): void {
    this.#isGone = true;
  }

  /** A new header is on its way to the file, outside of a commit. @internal */
  protected replaceStored(extent: Extent): void {
    for (const old of this.#extents) this.context.store.release(old);
    this.markStored(extent.address, [extent]);
  }

  /** The header's address as of the last commit, or null. @internal */
  get headerAddress(): number | null {
    return this.#address;
  }

  /**
   * Encodes the header into new space if anything has changed since the last commit.
   * @returns its address @internal
   */
  commit(batch: MetadataBatch, onDurable: (() => void)[]): number {
    if (this.#address !== null && this.isStored) return this.#address;
    const version = this.#version;
    const { result: address, extents } = batch.owned(() => this.encodeHeader(batch, onDurable));
    batch.replaces(this.#extents);
    onDurable.push(() => {
      this.#address = address;
      this.#extents = extents;
      this.#committed = version;
    });
    return address;
  }

  /** Gives back what the last commit has of it; no commit may have it on its way, nor come to it any more. @internal */
  protected releaseHeader(): void {
    for (const extent of this.#extents) this.context.store.release(extent);
    this.#extents = [];
  }

  /** @internal */
  protected abstract encodeHeader(batch: MetadataBatch, onDurable: (() => void)[]): number;

  /** @internal */
  protected attributeMessages(): readonly HeaderMessage[] {
    return this.#attributes === undefined ? [] : attributeMessages(this.#attributes);
  }
}

/** From the root. */
export function childPath({ path }: { readonly path: string }, name: string): string {
  return path === '/' ? `/${name}` : `${path}/${name}`;
}

/** @throws {FreestoneError} ERR_INVALID_ARGUMENT for a name that HDF5 cannot have */
export function checkName(name: string): string {
  if (typeof name !== 'string' || name === '' || name === '.' || name.includes('/') || !isText(name)) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `${shown(name)} cannot be a name: it is empty, a dot, or holds a slash, NUL or half a character`, {
      name,
    });
  }
  return name;
}

/** The names along a path. A leading slash means the root, which the caller has begun at. */
export function pathParts(path: string): string[] {
  if (typeof path !== 'string' || path === '') {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `a path must be a string that is not empty, not ${shown(path)}`, { path });
  }
  if (!path.includes('/') && path !== '.') return [checkName(path)];
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .map(checkName);
}
