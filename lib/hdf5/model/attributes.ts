// The attributes of a group or dataset: small named values in its header.
import { FreestoneError, checkOptions } from '../../errors.js';
import { attributeElements, attributeFrame, attributeInfo, type AttributeFrame } from '../format/attribute.js';
import { corrupt } from '../format/bytes.js';
import { elementCount, type Dataspace } from '../format/dataspace.js';
import { datatype } from '../format/datatype.js';
import { maxMessageSize, messageType, type HeaderMessage } from '../format/object-header.js';
import { encode } from '../format/schema.js';
import { product } from '../storage/box.js';
import { aboutAttribute } from './about.js';
import type { AttributeMessages } from './attribute-messages.js';
import { checkedNumbers, dataBlock, inferredDatatype, type Data } from './data.js';
import { datatypeOf, elementType, elementTypeOf, type Datatype, type DatatypeSpec } from './datatype.js';
import { isText, type ElementType } from './element-type.js';
import type { ObjectNode } from './object-node.js';

export interface AttributeOptions {
  /** Follows from the value unless given: numbers are float64, bigints int64, text variable-length UTF-8. */
  readonly dtype?: DatatypeSpec;
  /** Follows from the value unless given; a typed array has one dimension. */
  readonly shape?: readonly number[];
}

/** The attributes of one object. */
export class Attributes {
  readonly #place: { readonly node: ObjectNode };

  /** @param place where the object is, which need not always be the same one in memory @internal */
  constructor(place: { readonly node: ObjectNode }) {
    this.#place = place;
  }

  get size(): number {
    return this.#place.node.attributes.size;
  }

  keys(): IterableIterator<string> {
    return this.#place.node.attributes.keys();
  }

  has(name: string): boolean {
    return this.#place.node.attributes.has(name);
  }

  /**
   * Sets an attribute, replacing one of the same name. When it is refused, nothing has changed; the error has `object`, a path, and `attribute`.
   * @param value one value, a typed array or nested arrays
   * @throws {FreestoneError} ERR_TYPE_MISMATCH, ERR_INVALID_ARGUMENT, ERR_INVALID_SIZE (64 KiB is the most), ERR_CLOSED, ERR_READ_ONLY
   */
  set(name: string, value: Data, options: AttributeOptions = {}): void {
    this.#named(name, (node) => {
      set(node, name, value, options);
    });
  }

  /** @returns whether there was one. @throws {FreestoneError} ERR_CLOSED, ERR_READ_ONLY */
  delete(name: string): boolean {
    return this.#named(name, (node) => {
      node.assertWritable();
      const found = node.attributes.delete(name);
      if (found) node.touch();
      return found;
    });
  }

  /**
   * The value: one for a scalar, else an array in row-major order; undefined when there is no such attribute.
   * @throws {FreestoneError} ERR_UNSUPPORTED, ERR_CORRUPT_FILE, ERR_CLOSED
   */
  get(name: string): unknown {
    return this.#named(name, ({ context, attributes }) => {
      context.assertOpen();
      return attributes.read(name, (memory, from, end) => {
        const { type: message, space, start } = attributeElements(memory, from, end, 'an attribute');
        if (space.kind === 'null') return undefined;
        const type = elementTypeOf(message);
        const count = elementCount(space);
        if (start + count * type.size > end) throw corrupt('its value is cut off');
        if (space.kind === 'scalar') return type.get(memory, start, context.heap);
        return Array.from({ length: count }, (_, i) => type.get(memory, start + i * type.size, context.heap));
      });
    });
  }

  /**
   * The type and shape of an attribute; a scalar has the shape [].
   * @throws {FreestoneError} ERR_UNSUPPORTED, ERR_CORRUPT_FILE
   */
  describe(name: string): { readonly dtype: Datatype; readonly shape: readonly number[] } | undefined {
    return this.#named(name, ({ attributes }) =>
      attributes.read(name, (memory, start, end) => {
        const { type, space } = attributeElements(memory, start, end, 'an attribute');
        return { dtype: datatypeOf(elementTypeOf(type)), shape: space.kind === 'simple' ? space.shape : [] };
      }),
    );
  }

  /** What goes wrong names the attribute and its object. */
  #named<T>(name: string, work: (node: ObjectNode) => T): T {
    const { node } = this.#place;
    try {
      return work(node);
    } catch (error) {
      throw aboutAttribute(node.path, name, error);
    }
  }
}

function set(node: ObjectNode, name: string, value: Data, options: AttributeOptions): void {
  node.assertWritable();
  checkOptions('an attribute', options, ['dtype', 'shape']);
  if (typeof name !== 'string' || name === '' || !isText(name)) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', 'this cannot be the name of an attribute');
  }
  const type = elementType(options.dtype ?? inferredDatatype(value));
  const block = dataBlock(value, type);
  const shape = options.shape === undefined ? (block.shape ?? [block.count]) : checkedNumbers('shape', options.shape);
  if (product(shape) !== block.count) {
    throw new FreestoneError('ERR_INVALID_SIZE', `${String(block.count)} values do not fill the shape [${shape.join(', ')}]`, { shape });
  }
  const tooLarge = (size: number): FreestoneError =>
    new FreestoneError('ERR_INVALID_SIZE', `it needs ${String(size)} bytes, and ${String(maxMessageSize)} is the most; write a dataset instead`, {
      size,
      limit: maxMessageSize,
    });
  const space: Dataspace = shape.length === 0 ? { kind: 'scalar' } : { kind: 'simple', shape };
  const nameSize = Buffer.byteLength(name);
  const dataSize = block.count * type.size;
  // Each of these is a field of 16 bits, and must be known to fit before the whole is encoded.
  if (dataSize > maxMessageSize) throw tooLarge(dataSize);
  if (nameSize + 1 > maxMessageSize) throw tooLarge(nameSize + 1);
  const frame = frameOf(nameSize, type, space, dataSize, tooLarge);
  // What does not depend on the heap has been checked before anything enters it.
  node.attributes.set(name, frame, block.encode(0, block.count, node.context.heap));
  node.touch();
}

/** The messages of an object's header. */
export function attributeMessages(attributes: AttributeMessages): readonly HeaderMessage[] {
  if (attributes.size === 0) return [];
  const messages: HeaderMessage[] = [noAttributeIndex];
  for (const body of attributes.bodies()) messages.push({ type: messageType.attribute, body });
  return messages;
}

const noAttributeIndex: HeaderMessage = {
  type: messageType.attributeInfo,
  body: encode(attributeInfo, { flags: 0, heapAddress: null, nameIndexAddress: null }),
};

/** Of scalar attributes, by type and length of name: files have many of a few kinds. */
const scalarFrames = new WeakMap<ElementType, AttributeFrame[]>();

/** @throws what `tooLarge` makes when there is no room for so much in a header */
function frameOf(nameSize: number, type: ElementType, space: Dataspace, dataSize: number, tooLarge: (size: number) => FreestoneError): AttributeFrame {
  let known = scalarFrames.get(type);
  if (known === undefined) scalarFrames.set(type, (known = []));
  const found = space.kind === 'scalar' ? known[nameSize] : undefined;
  if (found !== undefined) return found;
  const typeSize = encode(datatype, type.message).length;
  if (typeSize > maxMessageSize) throw tooLarge(typeSize);
  const frame = attributeFrame(nameSize, type.message, space, dataSize);
  if (frame.bytes.length > maxMessageSize) throw tooLarge(frame.bytes.length);
  if (space.kind === 'scalar' && nameSize < 256) known[nameSize] = frame;
  return frame;
}
