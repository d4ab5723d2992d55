// Random structures of the format, as plain objects.
import fc from 'fast-check';
import type { AttributeMessage } from '../../../lib/hdf5/format/attribute.js';
import { maxChildren, type ChunkEntry, type ChunkKey, type ChunkNode } from '../../../lib/hdf5/format/btree1.js';
import { elementCount, type Dataspace } from '../../../lib/hdf5/format/dataspace.js';
import type { DatatypeMessage } from '../../../lib/hdf5/format/datatype.js';
import type { FileSpaceInfoInput } from '../../../lib/hdf5/format/file-space-info.js';
import type { FillValue } from '../../../lib/hdf5/format/fill-value.js';
import type { FilterMessage } from '../../../lib/hdf5/format/filter-pipeline.js';
import type { StoredSection } from '../../../lib/hdf5/format/free-space.js';
import type { Layout } from '../../../lib/hdf5/format/layout.js';
import { messageType, type HeaderMessage } from '../../../lib/hdf5/format/object-header.js';

/** Addresses and sizes: what 64 bits hold of JavaScript's whole numbers. */
export const offsets = fc.oneof(
  fc.nat({ max: 2 ** 20 }),
  fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
  fc.maxSafeNat(),
);
export const addresses = fc.option(offsets);
export const names = fc.string({ unit: 'grapheme', minLength: 1 }).filter((name) => !name.includes('\0'));
export const byteArrays = (size?: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array(size === undefined ? { maxLength: 100 } : { minLength: size, maxLength: size });

export const shapes = fc.array(fc.oneof(fc.nat({ max: 9 }), offsets), { minLength: 1, maxLength: 32 });

export const dataspaces: fc.Arbitrary<Dataspace> = fc.oneof(
  fc.constant<Dataspace>({ kind: 'null' }),
  fc.constant<Dataspace>({ kind: 'scalar' }),
  shapes.map((shape): Dataspace => ({ kind: 'simple', shape })),
  shapes.chain((shape) =>
    fc
      .array(fc.option(offsets), { minLength: shape.length, maxLength: shape.length })
      .map((maxShape): Dataspace => ({ kind: 'simple', shape, maxShape })),
  ),
);

const wholeInteger: fc.Arbitrary<DatatypeMessage> = fc.record({
  class: fc.constant('integer' as const),
  size: fc.constantFrom(1, 2, 4, 8),
  signed: fc.boolean(),
  bigEndian: fc.boolean(),
});
/** Some in a part of their bits. */
const integer: fc.Arbitrary<DatatypeMessage> = fc.oneof(
  wholeInteger,
  fc.tuple(wholeInteger, fc.nat(), fc.nat()).map(([type, some, more]) => {
    const precision = 1 + (some % (type.size * 8 - 1));
    return { ...type, bits: { precision, offset: more % (type.size * 8 - precision + 1) } } as DatatypeMessage;
  }),
);

const floatLayouts = {
  2: { precision: 16, exponentLocation: 10, exponentSize: 5, mantissaSize: 10, exponentBias: 15 },
  4: { precision: 32, exponentLocation: 23, exponentSize: 8, mantissaSize: 23, exponentBias: 127 },
  8: { precision: 64, exponentLocation: 52, exponentSize: 11, mantissaSize: 52, exponentBias: 1023 },
} as const;

const float: fc.Arbitrary<DatatypeMessage> = fc
  .record({ size: fc.constantFrom(2, 4, 8), bigEndian: fc.boolean() })
  .map(({ size, bigEndian }) => ({ class: 'float', size, bigEndian, layout: floatLayouts[size as 2] }));

const textual = { pad: fc.constantFrom('nullterm' as const, 'null' as const, 'space' as const), charset: fc.constantFrom('ascii' as const, 'utf8' as const) };
const string: fc.Arbitrary<DatatypeMessage> = fc.record({ class: fc.constant('string' as const), size: fc.integer({ min: 1, max: 2 ** 32 - 1 }), ...textual });
const byte: DatatypeMessage = { class: 'integer', size: 1, signed: false, bigEndian: false };
const vlenString: fc.Arbitrary<DatatypeMessage> = fc.record({
  class: fc.constant('vlen' as const),
  size: fc.constant(16),
  of: fc.constant('string' as const),
  base: fc.constant(byte),
  ...textual,
});
const opaque: fc.Arbitrary<DatatypeMessage> = fc.record({
  class: fc.constant('opaque' as const),
  size: fc.integer({ min: 1, max: 1000 }),
  tag: fc.string({ unit: 'binary-ascii', maxLength: 200 }).map((tag) => tag.replaceAll('\0', '')),
});
const enumeration: fc.Arbitrary<DatatypeMessage> = fc
  .tuple(integer, fc.uniqueArray(names, { minLength: 1, maxLength: 20 }))
  .chain(([base, members]) =>
    byteArrays(members.length * base.size).map((values) => ({ class: 'enum' as const, size: base.size, base, names: members, values })),
  );

/** Datatypes nested a few levels deep. */
export const datatypes: fc.Arbitrary<DatatypeMessage> = fc.letrec<{ type: DatatypeMessage }>((tie) => ({
  type: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    integer,
    float,
    string,
    vlenString,
    opaque,
    enumeration,
    fc.array(fc.record({ name: names, type: tie('type') }), { minLength: 1, maxLength: 5 }).map((members): DatatypeMessage => {
      let size = 0;
      const placed = members.map(({ name, type }) => {
        const offset = size;
        size += type.size;
        return { name, offset, type };
      });
      // Of a size that its 32 bits hold.
      return size < 2 ** 32 ? { class: 'compound', size, members: placed } : byte;
    }),
    fc
      .record({ base: tie('type'), shape: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }) })
      .map(({ base, shape }): DatatypeMessage => {
        const size = shape.reduce((all, extent) => all * extent, base.size);
        return size < 2 ** 32 ? { class: 'array', size, shape, base } : byte;
      }),
    tie('type').map((base): DatatypeMessage => ({ class: 'vlen', size: 16, of: 'sequence', pad: 'nullterm', charset: 'ascii', base })),
  ),
})).type;

export const attributes: fc.Arbitrary<AttributeMessage> = fc
  .record({ name: names, type: datatypes, space: dataspaces })
  .chain((head) => byteArrays(Math.min(200, elementCount(head.space))).map((data) => ({ ...head, data })));

export const fillValues: fc.Arbitrary<FillValue> = fc.record({
  allocation: fc.constantFrom('early' as const, 'late' as const, 'incremental' as const),
  fill: fc.constantFrom('allocation' as const, 'never' as const, 'if-set' as const),
  value: fc.option(fc.uint8Array({ minLength: 1, maxLength: 40 })),
});

export const filterPipelines: fc.Arbitrary<readonly FilterMessage[]> = fc.array(
  fc.oneof(
    fc.record({ id: fc.nat({ max: 255 }), optional: fc.boolean(), values: fc.array(fc.nat({ max: 0xffffffff }), { maxLength: 8 }) }),
    fc.record({
      id: fc.integer({ min: 256, max: 65535 }),
      optional: fc.boolean(),
      values: fc.array(fc.nat({ max: 0xffffffff }), { maxLength: 8 }),
      name: names,
    }),
  ),
  { maxLength: 32 },
);

export const layouts: fc.Arbitrary<Layout> = fc.oneof(
  byteArrays().map((data): Layout => ({ kind: 'compact', data })),
  fc.record({ kind: fc.constant('contiguous' as const), address: addresses, size: offsets }),
  fc.record({
    kind: fc.constant('chunked' as const),
    indexAddress: addresses,
    chunkShape: fc.array(fc.integer({ min: 1, max: 0xffffffff }), { minLength: 1, maxLength: 32 }),
    elementSize: fc.integer({ min: 1, max: 0xffffffff }),
  }),
);

export const links = fc.oneof(
  fc.record({ name: names, target: fc.record({ headerAddress: offsets }) }),
  fc.record({ name: names, type: fc.constant(1), target: fc.record({ path: names }) }),
);

/** Messages of types that no reader has to know. */
export const headerMessages: fc.Arbitrary<HeaderMessage[]> = fc.array(
  fc.record({
    type: fc.constantFrom(...Object.values(messageType).filter((type) => type !== messageType.nil && type !== messageType.continuation)),
    constant: fc.boolean(),
    body: fc.uint8Array({ maxLength: 300 }),
  }),
  { maxLength: 12 },
);

export const chunkNodes: fc.Arbitrary<{ rank: number; node: ChunkNode & { end: ChunkKey } }> = fc.integer({ min: 1, max: 32 }).chain((rank) => {
  const key = {
    size: fc.nat({ max: 0xffffffff }),
    filterMask: fc.nat({ max: 0xffffffff }),
    offsets: fc.array(offsets, { minLength: rank, maxLength: rank }),
  };
  const entry: fc.Arbitrary<ChunkEntry> = fc.record({ ...key, address: offsets });
  return fc.record({
    rank: fc.constant(rank),
    node: fc.record({
      level: fc.nat({ max: 5 }),
      left: addresses,
      right: addresses,
      entries: fc.array(entry, { maxLength: maxChildren }),
      end: fc.record(key),
    }),
  });
});

export const superblocks = fc.record({
  consistencyFlags: fc.nat({ max: 255 }),
  baseAddress: offsets,
  extensionAddress: addresses,
  endOfFile: offsets,
  rootHeaderAddress: offsets,
});

export const fileSpaceInfos: fc.Arbitrary<FileSpaceInfoInput> = fc.nat({ max: 1 }).chain((persist) =>
  fc.record({
    strategy: fc.nat({ max: 3 }),
    persist: fc.constant(persist),
    threshold: offsets,
    pageSize: offsets,
    pageEndThreshold: fc.nat({ max: 65535 }),
    endBeforeManagers: addresses,
    managers: persist === 1 ? fc.array(addresses, { minLength: 12, maxLength: 12 }) : fc.constant(undefined),
  }),
);

/** Ascending by offset, with a gap in front of each. */
export const freeSections: fc.Arbitrary<StoredSection[]> = fc
  .array(fc.record({ gap: fc.nat({ max: 5 }), size: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 2 ** 40 })), type: fc.nat({ max: 2 }) }), {
    maxLength: 300,
  })
  .map((list) => {
    let at = 48;
    return list.map(({ gap, size, type }) => {
      const offset = at + gap;
      at = offset + size;
      return { offset, size, type };
    });
  });
