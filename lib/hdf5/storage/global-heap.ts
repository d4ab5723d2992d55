// Variable-length data in global heap collections: written as the elements that refer to them are, read when asked for.
import { corrupt } from '../format/bytes.js';
import {
  collectionHeaderSize,
  decodeCollection,
  collectionSizeAt,
  maxObjects,
  minCollectionSize,
  objectHeaderSize,
  paddedObjectSize,
  writeCollectionHeader,
  writeFreeObject,
  writeObjectHeader,
  type Reference,
} from '../format/global-heap.js';
import { Flight, type FileStore } from './file-store.js';

const MAX_COLLECTION_SIZE = 64 * 2 ** 10;
/** Full collections wait to be written together. */
const PENDING_BYTES = 4 * 2 ** 20;

interface Collection {
  readonly address: number;
  readonly bytes: Buffer;
  used: number;
  objects: number;
}

/** One file's heap. A collection is never changed once a commit can reach it: the next object after a flush begins a new one. */
export class GlobalHeap {
  readonly #store: FileStore;
  #open: Collection | undefined;
  #full: Collection[] = [];
  #fullBytes = 0;
  #nextSize = minCollectionSize;
  readonly #decoded = new Map<number, Map<number, Buffer>>();

  constructor(store: FileStore) {
    this.#store = store;
  }

  /** Puts a text into the heap as UTF-8. So is an empty one: without an object a reader in C gets a null pointer for it. */
  insertText(text: string): Reference {
    const size = Buffer.byteLength(text);
    const collection = this.#withRoom(size);
    collection.bytes.write(text, collection.used + objectHeaderSize, 'utf8');
    return this.#added(collection, size);
  }

  /** The bytes of a reference, from memory or from the file. */
  read({ address, index, count }: Reference): Buffer {
    if (count === 0) return Buffer.alloc(0);
    const waiting = [...this.#full, ...(this.#open === undefined ? [] : [this.#open])].find((c) => c.address === address);
    const objects = waiting === undefined ? this.#collection(address) : decodeCollection(this.#sealed(waiting));
    const object = objects.get(index);
    if (object === undefined) throw corrupt(`there is no object ${String(index)} in the global heap collection`, { address });
    return object;
  }

  /** Whether so much waits to be written that the caller should do so before it adds more. */
  get isPressed(): boolean {
    return this.#fullBytes >= PENDING_BYTES;
  }

  /** Writes the collections that are full. */
  async drain(): Promise<void> {
    const collections = this.#full;
    if (collections.length === 0) return;
    const flight = new Flight();
    for (let first = 0; first < collections.length; ) {
      // Neighbours go out together.
      const run: Buffer[] = [];
      const start = collections[first]?.address ?? 0;
      let size = 0;
      for (let next = collections[first]; next?.address === start + size; next = collections[first]) {
        run.push(this.#sealed(next));
        size += next.bytes.length;
        first += 1;
      }
      flight.add(this.#store.write(start, Buffer.concat(run)));
    }
    await flight.landed();
    this.#full = this.#full.filter((collection) => !collections.includes(collection));
    this.#fullBytes = this.#full.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** Whether anything has not been written yet. */
  get isUnwritten(): boolean {
    return this.#open !== undefined || this.#full.length > 0;
  }

  /** Writes everything that is there when it is called. */
  async flush(): Promise<void> {
    this.#close();
    this.#nextSize = minCollectionSize;
    await this.drain();
  }

  #collection(address: number): Map<number, Buffer> {
    const known = this.#decoded.get(address);
    if (known !== undefined) return known;
    const size = collectionSizeAt(this.#store.readSync(address, collectionHeaderSize));
    if (size === null) throw corrupt('a variable-length element refers to what is no global heap collection', { address });
    const objects = decodeCollection(this.#store.readSync(address, size));
    this.#decoded.set(address, objects);
    return objects;
  }

  #withRoom(size: number): Collection {
    const needed = paddedObjectSize(size);
    if (this.#open !== undefined && this.#open.objects < maxObjects && this.#open.bytes.length - this.#open.used >= needed) {
      return this.#open;
    }
    this.#close();
    const total = Math.max(this.#nextSize, Math.ceil((collectionHeaderSize + needed) / minCollectionSize) * minCollectionSize);
    this.#nextSize = Math.min(this.#nextSize * 2, MAX_COLLECTION_SIZE);
    const bytes = Buffer.alloc(total);
    writeCollectionHeader(bytes, total);
    this.#open = { address: this.#store.space.allocate(total, { kind: 'raw' }), bytes, used: collectionHeaderSize, objects: 0 };
    return this.#open;
  }

  #added(collection: Collection, size: number): Reference {
    collection.objects += 1;
    writeObjectHeader(collection.bytes, collection.used, collection.objects, size);
    collection.used += paddedObjectSize(size);
    return { count: size, address: collection.address, index: collection.objects };
  }

  #close(): void {
    if (this.#open === undefined) return;
    this.#full.push(this.#open);
    this.#fullBytes += this.#open.bytes.length;
    this.#open = undefined;
  }

  #sealed(collection: Collection): Buffer {
    writeFreeObject(collection.bytes, collection.used, collection.bytes.length);
    return collection.bytes;
  }
}
