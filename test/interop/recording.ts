// The addon with a tape: what is written to a file, in order, with the moments at which each write was begun and had ended.
// A test mocks lib/native.js with `recordingNative`.
import type { NativeAddon, NativeFile, NativeFileSpace } from '../../lib/native.js';

export type Event =
  | { readonly kind: 'write'; readonly id: number; readonly address: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly id: number; readonly size: number }
  /** The write or truncation of this number has ended. */
  | { readonly kind: 'done'; readonly id: number }
  /** All that had ended before `began` is on the device. */
  | { readonly kind: 'sync'; readonly began: number }
  /** What the test says happened, such as a flush that resolved. */
  | { readonly kind: 'mark'; readonly value: number };

export class Tape {
  readonly events: Event[] = [];
  #count = 0;

  begin(make: (id: number) => Event): number {
    this.#count += 1;
    this.events.push(make(this.#count));
    return this.#count;
  }

  mark(value: number): void {
    this.events.push({ kind: 'mark', value });
  }
}

/** The real addon, with files that write to `tape()` what they do. */
export function recordingNative(real: NativeAddon, tape: () => Tape): NativeAddon {
  // A native object's methods are its own, so that a class above it has no say: they are replaced object by object.
  class RecordingFile extends real.File {
    constructor(...args: ConstructorParameters<NativeAddon['File']>) {
      super(...args);
      const [write, truncate, sync] = [this.write.bind(this), this.truncate.bind(this), this.sync.bind(this)];
      this.write = async (address, data) => {
        const { events } = tape();
        const id = tape().begin((id) => ({ kind: 'write', id, address, bytes: Buffer.from(data) }));
        await write(address, data);
        events.push({ kind: 'done', id });
      };
      this.truncate = async (size) => {
        const { events } = tape();
        const id = tape().begin((id) => ({ kind: 'truncate', id, size }));
        await truncate(size);
        events.push({ kind: 'done', id });
      };
      this.sync = async () => {
        const { events } = tape();
        const began = events.length;
        await sync();
        events.push({ kind: 'sync', began });
      };
    }
  }

  class RecordingCodec extends real.ChunkCodec {
    constructor(...args: ConstructorParameters<NativeAddon['ChunkCodec']>) {
      super(...args);
      const store = this.store.bind(this);
      this.store = async (file: NativeFile, space: NativeFileSpace, chunk: Uint8Array) => {
        const { events } = tape();
        // Where it goes and what it becomes is known only when it is there.
        const id = tape().begin((id) => ({ kind: 'write', id, address: 0, bytes: Buffer.alloc(0) }));
        const begun = events.length - 1;
        const stored = await store(file, space, chunk);
        const [address = 0, size = 0] = stored;
        const bytes = Buffer.alloc(size);
        file.readSync(address, bytes);
        events[begun] = { kind: 'write', id, address, bytes };
        events.push({ kind: 'done', id });
        return stored;
      };
    }
  }

  return {
    ...real,
    setErrorFactory: real.setErrorFactory.bind(real),
    copyBox: real.copyBox.bind(real),
    packTexts: real.packTexts.bind(real),
    workerCount: real.workerCount.bind(real),
    filterLibraries: real.filterLibraries.bind(real),
    File: RecordingFile,
    ChunkCodec: RecordingCodec,
  };
}
