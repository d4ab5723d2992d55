// Dataspace message (0x0001), version 2: HDF5 File Format Specification 3.0, IV.A.2.b.
import { corrupt } from './bytes.js';
import { derived, known, length, limit, list, mapped, struct, u8, when, type Field } from './schema.js';

/** The extent of a dataset or an attribute. */
export type Dataspace =
  | { readonly kind: 'null' }
  | { readonly kind: 'scalar' }
  /** `maxShape` is absent when it equals the shape; a null in it is an unlimited dimension. */
  | { readonly kind: 'simple'; readonly shape: readonly number[]; readonly maxShape?: readonly (number | null)[] };

const kinds = ['scalar', 'simple', 'null'] as const;

const wire = struct({
  version: known(u8, 'version', 2),
  rank: derived(u8, (p: { shape: readonly number[] }) => p.shape.length),
  flags: derived(u8, (p: { maxShape?: readonly (number | null)[] }) => (p.maxShape === undefined ? 0 : 1)),
  kind: u8,
  shape: list((p: { rank: number }) => p.rank, length),
  maxShape: when((p: { flags: number }) => (p.flags & 1) !== 0, list((p: { rank: number }) => p.rank, limit)),
});

export const dataspace: Field<Dataspace> = mapped(
  wire,
  (value) =>
    value.kind === 'simple'
      ? { kind: 1, shape: value.shape, maxShape: value.maxShape }
      : { kind: kinds.indexOf(value.kind), shape: [], maxShape: undefined },
  (value): Dataspace => {
    const kind = kinds[value.kind];
    if (kind === undefined) throw corrupt(`a dataspace of the unknown kind ${String(value.kind)}`);
    if (kind !== 'simple') return { kind };
    return { kind, shape: value.shape, ...(value.maxShape === undefined ? {} : { maxShape: value.maxShape }) };
  },
);

/** How many elements there are. */
export function elementCount(space: Dataspace): number {
  if (space.kind === 'null') return 0;
  return space.kind === 'scalar' ? 1 : space.shape.reduce((product, extent) => product * extent, 1);
}
