// The addon with a tape: what is written to a file, in order, with the moments at which each write was begun and had ended.
// A test mocks lib/native.js with `recordingNative`.
import type { NativeAddon, NativeFile } from '../../lib/native.js';

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

/** By ticket, of what has been begun: where a chunk went, and what its end is on a tape. */
const stores = new Map<number, (address: number, size: number) => void>();
const ends = new Map<number, (failed: boolean) => void>();

/** The real addon, with files that write to `tape()` what they do. */
export function recordingNative(real: NativeAddon, tape: () => Tape): NativeAddon {
  // A native object's methods are its own, so that a class above it has no say: they are replaced object by object.
  class RecordingFile extends real.File {
    constructor(...args: ConstructorParameters<NativeAddon['File']>) {
      super(...args);
      const [write, truncate, sync] = [this.write.bind(this), this.truncate.bind(this), this.sync.bind(this)];
      const ended = (ticket: number, make: () => Event): void => {
        const { events } = tape();
        ends.set(ticket, (failed) => {
          if (!failed) events.push(make());
        });
      };
      this.write = (ticket, address, data) => {
        const id = tape().begin((id) => ({ kind: 'write', id, address, bytes: Buffer.from(data) }));
        ended(ticket, () => ({ kind: 'done', id }));
        write(ticket, address, data);
      };
      const [writeSync, gather] = [this.writeSync.bind(this), this.gather.bind(this)];
      this.writeSync = (address, data) => {
        const id = tape().begin((id) => ({ kind: 'write', id, address, bytes: Buffer.from(data) }));
        const hasSlept = writeSync(address, data);
        tape().events.push({ kind: 'done', id });
        return hasSlept;
      };
      this.gather = (ticket, address, size, ...what) => {
        // What it becomes is known only when it is there.
        const { events } = tape();
        const id = tape().begin((id) => ({ kind: 'write', id, address, bytes: Buffer.alloc(0) }));
        const begun = events.length - 1;
        stores.set(ticket, () => {
          const bytes = Buffer.alloc(size);
          this.readSync(address, bytes);
          events[begun] = { kind: 'write', id, address, bytes };
        });
        ended(ticket, () => ({ kind: 'done', id }));
        gather(ticket, address, size, ...what);
      };
      this.truncate = (ticket, size) => {
        const id = tape().begin((id) => ({ kind: 'truncate', id, size }));
        ended(ticket, () => ({ kind: 'done', id }));
        truncate(ticket, size);
      };
      this.sync = (ticket) => {
        const began = tape().events.length;
        ended(ticket, () => ({ kind: 'sync', began }));
        sync(ticket);
      };
    }
  }

  class RecordingCodec extends real.ChunkCodec {
    constructor(...args: ConstructorParameters<NativeAddon['ChunkCodec']>) {
      super(...args);
      const [store, gather] = [this.store.bind(this), this.gather.bind(this)];
      // Where it goes and what it becomes is known only when it is there. It is noted then: its space may have been another's
      // when it was asked for, up to the commit that gave that up.
      const note = (ticket: number, file: NativeFile): void => {
        const recording = tape();
        stores.set(ticket, (address, size) => {
          const bytes = Buffer.alloc(size);
          file.readSync(address, bytes);
          const id = recording.begin((id) => ({ kind: 'write', id, address, bytes }));
          recording.events.push({ kind: 'done', id });
        });
      };
      this.store = (ticket: number, file: NativeFile, ...what) => {
        note(ticket, file);
        store(ticket, file, ...what);
      };
      this.gather = (ticket: number, file: NativeFile, ...what) => {
        note(ticket, file);
        gather(ticket, file, ...what);
      };
    }
  }

  return {
    ...real,
    setErrorFactory: real.setErrorFactory.bind(real),
    convertBox: real.convertBox.bind(real),
    gatherBox: real.gatherBox.bind(real),
    canGather: real.canGather.bind(real),
    packTexts: real.packTexts.bind(real),
    placeTexts: real.placeTexts.bind(real),
    workerCount: real.workerCount.bind(real),
    filterLibraries: real.filterLibraries.bind(real),
    settleJobs: real.settleJobs.bind(real),
    onJobsDone: (listener) => {
      real.onJobsDone((numbers, errors) => {
        for (let at = 0; at < numbers.length; at += 4) {
          const [ticket = 0, address = 0, size = 0] = numbers.subarray(at, at + 3);
          const failed = errors?.[at / 4] !== undefined;
          if (!failed) stores.get(ticket)?.(address, size);
          ends.get(ticket)?.(failed);
          stores.delete(ticket);
          ends.delete(ticket);
        }
        listener(numbers, errors);
      });
    },
    File: RecordingFile,
    ChunkCodec: RecordingCodec,
  };
}
