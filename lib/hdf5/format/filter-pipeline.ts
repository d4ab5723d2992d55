// Filter Pipeline message (0x000B), version 2: HDF5 File Format Specification 3.0, IV.A.2.l.
import { derived, known, list, mapped, struct, text, u16, u32, u8, when, type Field } from './schema.js';

/** The filters' identifiers, as the HDF Group assigned them. */
export const filterId = {
  deflate: 1,
  shuffle: 2,
  fletcher32: 3,
  szip: 4,
  nbit: 5,
  scaleOffset: 6,
  lzf: 32000,
  lz4: 32004,
  bitshuffle: 32008,
  zstd: 32015,
} as const;

/** Names are written only for registered filters, whose identifiers begin here. */
const FIRST_REGISTERED = 256;
const OPTIONAL = 1;

export interface FilterMessage {
  readonly id: number;
  /** A reader may skip an optional filter that failed when a chunk was written; the chunk's mask says so. */
  readonly optional: boolean;
  readonly name?: string;
  readonly values: readonly number[];
}

const isRegistered = (p: { id: number }): boolean => p.id >= FIRST_REGISTERED;

const filter: Field<FilterMessage> = mapped(
  struct({
    id: u16,
    nameSize: when(isRegistered, derived(u16, (p: { name?: string }) => Buffer.byteLength(p.name ?? ''))),
    flags: u16,
    valueCount: derived(u16, (p: { values: readonly number[] }) => p.values.length),
    name: when(isRegistered, text((p: { nameSize: number }) => p.nameSize)),
    values: list((p: { valueCount: number }) => p.valueCount, u32),
  }),
  ({ id, optional, name, values }) => ({
    id,
    nameSize: name === undefined ? undefined : Buffer.byteLength(name),
    flags: optional ? OPTIONAL : 0,
    name,
    values,
  }),
  ({ id, flags, name, values }) => ({
    id,
    optional: (flags & OPTIONAL) !== 0,
    values,
    ...(name === undefined ? {} : { name: name.replace(/\0+$/, '') }),
  }),
);

const wire = struct({
  version: known(u8, 'version', 2),
  count: derived(u8, (p: { filters: readonly FilterMessage[] }) => p.filters.length),
  filters: list((p: { count: number }) => p.count, filter),
});

export const filterPipeline: Field<readonly FilterMessage[]> = mapped(
  wire,
  (filters) => ({ filters }),
  ({ filters }) => filters,
);

