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
  readReference,
  referenceSize,
  writeCollectionHeader,
  writeFreeObject,
  writeObjectHeader,
  type Reference,
} from '../format/global-heap.js';
import { native } from '../../native.js';
import type { FileStore } from './file-store.js';
import { turn, wait, type Steps } from './steps.js';

const MAX_COLLECTION_SIZE = 64 * 2 ** 10;
/** So much of the file is read at once for texts. */
const RANGE_BYTES = 2 ** 20;
/** So many bytes of texts become strings at once. V8 keeps all of them as long as one of them is held. */
const GATHERED_BYTES = 2 ** 18;
/** Collections that are kept in memory for what is read next. */
const DECODED_COLLECTIONS = 64;

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

  /**
   * Puts many texts into the heap, in UTF-8 and each with a zero byte behind it.
   * @param references room for one reference of 16 bytes for each
   * @returns whether there are as many
   */
  insertTexts(texts: Buffer, references: Buffer): boolean {
    let [taken, count] = [0, 0];
    while (taken < texts.length && count * referenceSize < references.length) {
      // Of a text that needs a collection of its own its size is asked for, of others only whether they find room.
      const collection = this.#open ?? this.#withRoom(0);
      const { bytes, used, objects, address } = collection;
      const [tookBytes = 0, took = 0, usedNow = 0] = native().packTexts(
        texts.subarray(taken),
        bytes,
        used,
        objects,
        address,
        references.subarray(count * referenceSize),
      );
      collection.used = usedNow;
      collection.objects += took;
      taken += tookBytes;
      count += took;
      if (taken < texts.length) this.#withRoom(Math.max(texts.indexOf(0, taken) - taken, bytes.length - usedNow));
    }
    return taken === texts.length && count * referenceSize === references.length;
  }

  /** The bytes of a reference, from memory or from the file. */
  read({ address, index, count }: Reference): Buffer {
    if (count === 0) return Buffer.alloc(0);
    const objects = this.#open?.address === address ? decodeCollection(this.#sealed(this.#open)) : this.#collection(address);
    const object = objects.get(index);
    if (object === undefined) throw corrupt(`there is no object ${String(index)} in the global heap collection`, { address });
    return object;
  }

  /** The texts that references of 16 bytes each lead to, in UTF-8. */
  *readTexts(references: Buffer): Steps<string[]> {
    const count = references.length / referenceSize;
    const texts: string[] = [];
    const gathered = Buffer.allocUnsafeSlow(Math.min(GATHERED_BYTES, references.length * 4 + minCollectionSize));
    let range: { readonly address: number; readonly bytes: Buffer } = { address: 0, bytes: Buffer.alloc(0) };
    while (texts.length < count) {
      const rest = references.subarray(texts.length * referenceSize);
      const [took = 0, size = 0, isAscii = 0, hasZero = 0] = native().gatherTexts(rest, range.bytes, range.address, gathered);
      if (took > 0 && hasZero === 0) {
        const all = gathered.toString(isAscii === 1 ? 'latin1' : 'utf8', 0, size - 1);
        for (const text of took === 1 ? [all] : all.split('\0')) texts.push(text);
        continue;
      }
      const next = readReference(rest, 0);
      if (took > 0 || range.address === next.address) {
        // Where zeros do not tell texts apart, and what is larger than is read at once.
        for (let i = 0; i < Math.max(took, 1); i += 1) texts.push(this.read(readReference(rest, i * referenceSize)).toString('utf8'));
        continue;
      }
      if (texts.length > 0) yield* wait(turn());
      range = { address: next.address, bytes: yield* this.#around(next.address) };
    }
    return texts;
  }

  /** The file from a collection on. */
  *#around(address: number): Steps<Buffer> {
    const open = this.#open;
    if (open?.address === address) return this.#sealed(open);
    // The open collection is nowhere but here.
    const end = open !== undefined && open.address > address ? open.address : Infinity;
    return yield* this.#store.load(address, Math.min(RANGE_BYTES, end - address));
  }

  /** Hands on what is there when it is called: a collection that a commit can reach is never changed. */
  seal(): void {
    this.#close();
    this.#nextSize = minCollectionSize;
  }

  #collection(address: number): Map<number, Buffer> {
    const known = this.#decoded.get(address);
    if (known !== undefined) return known;
    const size = collectionSizeAt(this.#store.readSync(address, collectionHeaderSize));
    if (size === null) throw corrupt('a variable-length element refers to what is no global heap collection', { address });
    const objects = decodeCollection(this.#store.readSync(address, size));
    // References of neighbours lead to the same collection: the last few are enough.
    const [oldest] = this.#decoded.keys();
    if (this.#decoded.size >= DECODED_COLLECTIONS && oldest !== undefined) this.#decoded.delete(oldest);
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
    this.#store.behind.put(this.#open.address, this.#sealed(this.#open));
    this.#open = undefined;
  }

  #sealed(collection: Collection): Buffer {
    writeFreeObject(collection.bytes, collection.used, collection.bytes.length);
    return collection.bytes;
  }
}
