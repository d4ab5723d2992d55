// The messages of an object's attributes, encoded, side by side in one memory: a Buffer for each would be several times its size.
import { writeFramed, type AttributeFrame } from '../format/attribute.js';

const nothing: Buffer = Buffer.alloc(0);

export class AttributeMessages {
  /** Nothing in it is written over: what is replaced or deleted stays until there is new memory. */
  #memory = nothing;
  #used = 0;
  /** Positions in `#bounds` by name, in the order in which attributes came. */
  readonly #places = new Map<string, number>();
  /** Where each message begins and ends. */
  #bounds: number[] = [];

  get size(): number {
    return this.#places.size;
  }

  keys(): IterableIterator<string> {
    return this.#places.keys();
  }

  has(name: string): boolean {
    return this.#places.has(name);
  }

  /** Hands over where an attribute's message lies. @returns what that makes of it; undefined when there is none */
  read<T>(name: string, work: (memory: Buffer, start: number, end: number) => T): T | undefined {
    const place = this.#places.get(name);
    return place === undefined ? undefined : work(this.#memory, this.#bounds[place] ?? 0, this.#bounds[place + 1] ?? 0);
  }

  /** Adds an attribute, or replaces the one that has the name, in its place. */
  set(name: string, frame: AttributeFrame, data: Uint8Array): void {
    const at = this.#room(name, frame.bytes.length);
    writeFramed(this.#memory, at, frame, name, data);
  }

  /** Adds one that was read. @param chunk nobody changes it: that of an object's first attributes becomes their memory */
  load(name: string, chunk: Buffer, start: number, end: number): void {
    if (this.#used === 0) {
      this.#memory = chunk;
      this.#used = chunk.length;
    }
    if (chunk === this.#memory) {
      this.#put(name, start, end);
      return;
    }
    const at = this.#room(name, end - start);
    chunk.copy(this.#memory, at, start, end);
  }

  delete(name: string): boolean {
    return this.#places.delete(name);
  }

  /** In the order in which they came. */
  *bodies(): Generator<Buffer> {
    for (const place of this.#places.values()) yield this.#memory.subarray(this.#bounds[place], this.#bounds[place + 1]);
  }

  /** Makes room for a message. @returns where it is to be written */
  #room(name: string, size: number): number {
    if (this.#used + size > this.#memory.length) this.#renew(size);
    const start = this.#used;
    this.#used += size;
    this.#put(name, start, start + size);
    return start;
  }

  #put(name: string, start: number, end: number): void {
    const known = this.#places.get(name);
    const place = known ?? this.#bounds.length;
    if (known === undefined) this.#places.set(name, place);
    this.#bounds[place] = start;
    this.#bounds[place + 1] = end;
  }

  /** New memory for what there is, and as much again. */
  #renew(size: number): void {
    let live = 0;
    for (const place of this.#places.values()) live += (this.#bounds[place + 1] ?? 0) - (this.#bounds[place] ?? 0);
    const memory = Buffer.allocUnsafe(2 * live + size);
    const bounds: number[] = [];
    let at = 0;
    for (const [name, place] of this.#places) {
      const [start, end] = [this.#bounds[place] ?? 0, this.#bounds[place + 1] ?? 0];
      this.#memory.copy(memory, at, start, end);
      this.#places.set(name, bounds.length);
      bounds.push(at, at + end - start);
      at += end - start;
    }
    this.#memory = memory;
    this.#bounds = bounds;
    this.#used = at;
  }
}
