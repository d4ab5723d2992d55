// The header of a dataset: what the file says of its elements and where they are.
import { writeAddress } from '../format/bytes.js';
import { dataspace, type Dataspace } from '../format/dataspace.js';
import { datatype } from '../format/datatype.js';
import { fillValue, type FillValue } from '../format/fill-value.js';
import { filterPipeline } from '../format/filter-pipeline.js';
import { layout, type Layout } from '../format/layout.js';
import { encodeObjectHeader, messageType, sealObjectHeader, type HeaderMessage } from '../format/object-header.js';
import { encode } from '../format/schema.js';
import type { DatasetPlan } from './dataset-spec.js';
import type { ElementType } from './element-type.js';

type ConstantMessages = readonly [HeaderMessage, HeaderMessage];
/** Of types with the default fill value: contiguous, chunked. Files have many datasets of few types. */
const encodedTypes = new WeakMap<ElementType, { contiguous?: ConstantMessages; chunked?: ConstantMessages }>();

/** The messages of the datatype and of the fill value. */
export function constantMessages(plan: DatasetPlan): ConstantMessages {
  const make = (): ConstantMessages => [
    { type: messageType.datatype, constant: true, body: encode(datatype, plan.type.message) },
    { type: messageType.fillValue, constant: true, body: encode(fillValue, fillMessage(plan)) },
  ];
  if (plan.fill !== null) return make();
  let known = encodedTypes.get(plan.type);
  if (known === undefined) encodedTypes.set(plan.type, (known = {}));
  return plan.chunkShape === null ? (known.contiguous ??= make()) : (known.chunked ??= make());
}

/**
 * Encodes the header of a dataset.
 * @param shape as of now @param more messages behind those that each dataset has @returns what is good until the next is encoded
 */
export function encodeDatasetHeader(plan: DatasetPlan, shape: readonly number[], where: Layout, more: readonly HeaderMessage[]): Buffer {
  const { filters, maxShape, fill } = plan;
  const isPlain = where.kind === 'contiguous' && filters.length === 0 && fill === null && more.length === 0;
  if (isPlain && where.address !== null && pattern !== undefined && isLike(pattern, plan, shape)) {
    const header = pattern.bytes;
    writeAddress(header, where.address, header.length - PLACE_SIZE);
    sealObjectHeader(header);
    return header;
  }
  const bytes = encodeObjectHeader([
    { type: messageType.dataspace, body: encode(dataspace, dataspaceOf(shape, maxShape)) },
    ...constantMessages(plan),
    { type: messageType.layout, body: encode(layout, where) },
    ...(filters.length > 0 ? [{ type: messageType.filterPipeline, constant: true, body: encode(filterPipeline, filters) }] : []),
    ...more,
  ]);
  if (isPlain) pattern = { type: plan.type, shape, maxShape, bytes: Buffer.from(bytes) };
  return bytes;
}

/** The last bytes of a contiguous dataset's header, if no attributes follow: address and size, and the checksum. */
const PLACE_SIZE = 8 + 8 + 4;

/** The last header of a plain contiguous dataset: many datasets of a file differ in nothing but their address. */
let pattern: { readonly type: ElementType; readonly shape: readonly number[]; readonly maxShape: readonly (number | null)[]; readonly bytes: Buffer } | undefined;

function isLike(last: NonNullable<typeof pattern>, { type, maxShape }: DatasetPlan, shape: readonly number[]): boolean {
  return (
    last.type === type &&
    last.shape.length === shape.length &&
    shape.every((extent, d) => extent === last.shape[d] && maxShape[d] === last.maxShape[d])
  );
}

/** What the file says of unwritten elements. */
function fillMessage({ type, chunkShape, fill }: DatasetPlan): FillValue {
  return {
    allocation: chunkShape === null ? 'late' : 'incremental',
    fill: type.variable ? 'allocation' : 'if-set',
    value: fill,
  };
}

function dataspaceOf(shape: readonly number[], maxShape: readonly (number | null)[]): Dataspace {
  if (shape.length === 0) return { kind: 'scalar' };
  const grows = maxShape.some((limit, d) => limit !== shape[d]);
  return { kind: 'simple', shape, ...(grows ? { maxShape } : {}) };
}
