// Data Layout message (0x0008), version 3: HDF5 File Format Specification 3.0, IV.A.2.i.
import { unsupported } from './bytes.js';
import { address, bytes, choose, derived, known, length, list, mapped, struct, u16, u32, u8, type Field } from './schema.js';

export type Layout =
  | { readonly kind: 'compact'; readonly data: Uint8Array }
  /** The address is null until something is written. */
  | { readonly kind: 'contiguous'; readonly address: number | null; readonly size: number }
  /** `chunkShape` in elements; the index is a version-1 B-tree, null while there is no chunk. */
  | {
      readonly kind: 'chunked';
      readonly indexAddress: number | null;
      readonly chunkShape: readonly number[];
      readonly elementSize: number;
    };

const kinds = ['compact', 'contiguous', 'chunked'] as const;

const compact = struct({
  size: derived(u16, (p: { data: Uint8Array }) => p.data.length),
  data: bytes((p: { size: number }) => p.size),
});
const contiguous = struct({ address, size: length });
const chunked = struct({
  dimensionality: derived(u8, (p: { dimensions: readonly number[] }) => p.dimensions.length),
  indexAddress: address,
  // The last one is the size of an element in bytes.
  dimensions: list((p: { dimensionality: number }) => p.dimensionality, u32),
});

type Properties =
  | { size?: number; data: Uint8Array }
  | { address: number | null; size: number }
  | { dimensionality?: number; indexAddress: number | null; dimensions: readonly number[] };

const wire = struct({
  version: known(u8, 'version', 3),
  kind: u8,
  properties: choose<Properties>((p: { kind: number }) => {
    const schema = [compact, contiguous, chunked][p.kind];
    if (schema === undefined) throw unsupported(p.kind === 3 ? 'the virtual layout' : `layout class ${String(p.kind)}`);
    return schema;
  }),
});

export const layout: Field<Layout> = mapped(
  wire,
  (value) => ({
    kind: kinds.indexOf(value.kind),
    properties:
      value.kind === 'chunked'
        ? { indexAddress: value.indexAddress, dimensions: [...value.chunkShape, value.elementSize] }
        : value,
  }),
  ({ kind, properties }): Layout => {
    const name = kinds[kind];
    if (name !== 'chunked') return { kind: name, ...properties } as Layout;
    const { indexAddress, dimensions } = properties as { indexAddress: number | null; dimensions: readonly number[] };
    return { kind: name, indexAddress, chunkShape: dimensions.slice(0, -1), elementSize: dimensions.at(-1) ?? 0 };
  },
);
