// Fill Value message (0x0005), version 3: HDF5 File Format Specification 3.0, IV.A.2.f.
import { bytes, derived, known, mapped, struct, u32, u8, when, type Field } from './schema.js';

export type AllocationTime = 'early' | 'late' | 'incremental';
export type FillTime = 'allocation' | 'never' | 'if-set';

export interface FillValue {
  readonly allocation: AllocationTime;
  readonly fill: FillTime;
  /** One element; null is the default, all zero bytes. */
  readonly value: Uint8Array | null;
}

const allocations: readonly AllocationTime[] = ['early', 'late', 'incremental'];
const fills: readonly FillTime[] = ['allocation', 'never', 'if-set'];
const DEFINED = 0x20;

const wire = struct({
  version: known(u8, 'version', 3),
  flags: u8,
  size: when((p: { flags: number }) => (p.flags & DEFINED) !== 0, derived(u32, (p: { value: Uint8Array }) => p.value.length)),
  value: when((p: { flags: number }) => (p.flags & DEFINED) !== 0, bytes((p: { size: number }) => p.size)),
});

export const fillValue: Field<FillValue> = mapped(
  wire,
  ({ allocation, fill, value }) => ({
    flags: (allocations.indexOf(allocation) + 1) | (fills.indexOf(fill) << 2) | (value === null ? 0 : DEFINED),
    size: value?.length,
    value: value ?? undefined,
  }),
  ({ flags, value }) => ({
    allocation: allocations[(flags & 3) - 1] ?? 'late',
    fill: fills[(flags >> 2) & 3] ?? 'if-set',
    value: value === undefined || value.length === 0 ? null : value,
  }),
);
