// External Data Files message (0x0007), version 1: HDF5 File Format Specification 3.0, IV.A.2.h.
import { derived, known, length, limit, list, mapped, reserved, struct, u16, u8, type Decoded, type Field } from './schema.js';

/** A run of bytes of a file that is not an HDF5 file. */
const slot = struct({
  /** Of the file's name in the local heap. */
  nameOffset: length,
  offset: length,
  /** Null for without limit. */
  size: limit,
});

export interface ExternalFiles {
  /** The local heap that holds the names. */
  readonly heapAddress: number;
  readonly slots: readonly Decoded<typeof slot>[];
}

const count = derived(u16, (p: { slots: readonly unknown[] }) => p.slots.length);

const wire = struct({
  version: known(u8, 'version', 1),
  reserved: reserved(3),
  allocated: count,
  used: count,
  heapAddress: length,
  slots: list((p: { used: number }) => p.used, slot),
});

export const externalFiles: Field<ExternalFiles> = mapped(
  wire,
  ({ heapAddress, slots }) => ({ heapAddress, slots }),
  ({ heapAddress, slots }): ExternalFiles => ({ heapAddress, slots }),
);

/** The most slots that fit in a header message, whose size is a 16-bit number. */
export const maxExternalSlots = Math.floor((65535 - 16) / 24);
