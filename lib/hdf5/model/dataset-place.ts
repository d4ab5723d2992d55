// Where a dataset is: in memory, or, while nothing of it but its header is needed, only in the file.
import type { Dataset } from './dataset.js';
import type { DatasetNode } from './dataset-node.js';
import type { Group } from './group.js';

/** What a group has for one of its datasets. It leads to the same dataset for all who hold it, however often that is let go of and read again. */
export class DatasetPlace {
  readonly #parent: Group;
  readonly #name: string;
  #node: DatasetNode | null;
  /** As long as the dataset is in memory, so that who asks twice gets the same. */
  #face: Dataset | undefined;
  /** While it is not. */
  #headerAddress: number | null = null;

  constructor(parent: Group, name: string, node: DatasetNode) {
    this.#parent = parent;
    this.#name = name;
    this.#node = node;
  }

  /** The dataset, which is read if it is not in memory. @throws {FreestoneError} ERR_CLOSED, ERR_CORRUPT_FILE, ERR_UNSUPPORTED */
  get node(): DatasetNode {
    if (this.#node !== null) return this.#node;
    const { context } = this.#parent;
    context.assertOpen();
    this.#node = context.load(this.#parent, this.#name, this.#headerAddress ?? 0) as DatasetNode;
    context.noteHeld(this);
    return this.#node;
  }

  /** The dataset if it is in memory. */
  get held(): DatasetNode | null {
    return this.#node;
  }

  /** As the last commit has it, or what is on its way to the file. */
  get headerAddress(): number | null {
    return this.#node === null ? this.#headerAddress : this.#node.headerAddress;
  }

  face(make: (place: DatasetPlace) => Dataset): Dataset {
    return (this.#face ??= make(this));
  }

  /** Keeps the address of the header alone, if that is all that need be known. No commit may be on its way. */
  letGo(): void {
    if (this.#node?.leave() !== true) return;
    this.#headerAddress = this.#node.headerAddress;
    this.#node = null;
    this.#face = undefined;
  }
}
