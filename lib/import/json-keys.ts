// The keys that the objects of an NDJSON file have, as a tree: what each one's value is and which column it makes.
import type { ColumnProfile } from './column-profile.js';

/** What the values of a key are. Those that were only ever null are undecided. */
export type ValueKind = 'undecided' | 'object' | 'array' | 'single';

export class JsonKey {
  /** The keys from the outermost on, with dots between them; the column's name. */
  readonly path: string;
  kind: ValueKind = 'undecided';
  /** In the order in which they first appeared. */
  readonly children: JsonKey[] = [];
  /** Of an array: its extents, as far as they are known, and how many they are once a value inside was met. */
  readonly extents: number[] = [];
  rank: number | undefined;
  /** The record that had the key last, to find one that has it twice. */
  record = -1;
  /** Of what is no object: what is known of its values, in pass 1. */
  profile: ColumnProfile | undefined;
  /** Of what is no object: its first field in a record, in pass 2. */
  field = -1;
  readonly #bytes: Uint8Array;
  readonly #byName = new Map<string, JsonKey>();

  constructor(name: string, parent?: JsonKey) {
    this.#bytes = Buffer.from(name);
    this.path = parent === undefined || parent.path === '' ? name : `${parent.path}.${name}`;
  }

  /** Whether the key is bytes[start, end). */
  is(bytes: Uint8Array, start: number, end: number): boolean {
    const own = this.#bytes;
    if (own.length !== end - start) return false;
    for (let i = 0; i < own.length; i++) if (own[i] !== bytes[start + i]) return false;
    return true;
  }

  child(name: string): JsonKey | undefined {
    return this.#byName.get(name);
  }

  addChild(name: string): JsonKey {
    const child = new JsonKey(name, this);
    this.#byName.set(name, child);
    this.children.push(child);
    return child;
  }
}
