// Typed arrays whose numbers become numbers of another type: as `put` of that type has it value by value, but many at a time.
import { FreestoneError } from '../../errors.js';
import { native } from '../../native.js';
import { dot, partsOf, product, type BoxPart, type Conversion, type ElementSource } from '../storage/box.js';
import type { FileStore } from '../storage/file-store.js';
import { changedMeanwhile, checkSource, copyElements, fetchNow, nativeElements, numberCode } from '../storage/form.js';
import { begin, flown, task, turn, wait, Flight, type Steps } from '../storage/steps.js';
import type { ElementType } from './element-type.js';
import { numberKinds, numberNameOf, type FloatName, type IntegerName, type TypedArray } from './number-kind.js';

/** Worker threads look at slices of so many bytes. */
const SLICE_BYTES = 2 ** 22;
/** What is looked at within the call, between two turns of others. */
const TURN_BYTES = 2 ** 20;
/** Memory that looking at a slice takes. */
const WINDOW_BYTES = 2 ** 18;

const isFloat = (name: IntegerName | FloatName): name is FloatName => name.startsWith('float');

/** Whether some numbers of a type are none of another. */
function refuses(from: IntegerName | FloatName, to: IntegerName | FloatName): boolean {
  if (isFloat(to)) return false;
  if (isFloat(from)) return true;
  const [fromSize, toSize] = [numberKinds[from].size, numberKinds[to].size];
  const [isFromSigned, isToSigned] = [!from.startsWith('u'), !to.startsWith('u')];
  return isFromSigned === isToSigned ? fromSize > toSize : isFromSigned || fromSize >= toSize;
}

/** How the array's numbers become elements of a type; undefined where they are those already, or each has to be looked at by itself. */
export function conversionOf(array: TypedArray, { number: to }: ElementType): Conversion | undefined {
  const from = numberNameOf(array);
  if (to === undefined || from === undefined || from === to || from === 'float16') return undefined;
  const { size } = numberKinds[from];
  // A BigInt is no floating-point number.
  if (size === 8 && !isFloat(from) && isFloat(to)) return undefined;
  return { from: numberCode[from], to: numberCode[to], size, refuses: refuses(from, to) };
}

/** The bytes of converted elements, in memory of our own; undefined when one does not fit. */
export function convertedBytes(source: ElementSource, count: readonly number[], elementSize: number, into?: Buffer): Buffer | undefined {
  const bytes = into ?? Buffer.allocUnsafeSlow(product(count) * elementSize);
  return fetchNow(bytes, source, count, elementSize) ? bytes : undefined;
}

/**
 * Looks whether all numbers fit, before anything changes.
 * @param refuse says what is wrong with some elements in row-major order, which holds one that does not fit
 * @throws {FreestoneError} what `refuse` throws, of the first that does not fit; ERR_INVALID_ARGUMENT when the memory has gone
 */
export function* checkNumbers(source: ElementSource, count: readonly number[], store: FileStore, refuse: (first: number, count: number) => void): Steps {
  const { conversion } = source;
  if (conversion?.refuses !== true) return;
  const flight = new Flight();
  yield* flown(flight, checkParts(source, partsOf(count, conversion.size, native().canGather() ? SLICE_BYTES : TURN_BYTES), flight, store, refuse));
}

function* checkParts(source: ElementSource, parts: Iterable<BoxPart>, flight: Flight, store: FileStore, refuse: (first: number, count: number) => void): Steps {
  const onWorkers = native().canGather();
  for (const part of parts) {
    if (flight.failed) break;
    source.signal?.throwIfAborted();
    if (onWorkers) {
      yield* wait(store.throttle.enter(WINDOW_BYTES));
      flight.add(begin(checkPart(source, part, store, refuse)));
    } else {
      if (part.first > 0) yield* wait(turn());
      checkNow(source, part, refuse);
    }
  }
}

const nowhere = new Uint8Array(0);

/** On a worker thread; the throttle has been entered. */
function* checkPart(source: ElementSource, { start, count, first }: BoxPart, store: FileStore, refuse: (first: number, count: number) => void): Steps {
  const offset = source.offset + dot(start, source.strides);
  const isThere = (): void => {
    checkSource(source, count, 0, offset);
  };
  try {
    isThere();
    yield* wait(task((ticket) => { native().gatherBox(ticket, nowhere, ...nativeElements(0, [], { ...source, offset }, count, 0)); }, source.bytes));
    isThere();
  } catch (error) {
    isThere();
    if (!(error instanceof FreestoneError) || error.code !== 'ERR_TYPE_MISMATCH') throw error;
    refuse(first, product(count));
    throw changedMeanwhile();
  } finally {
    store.throttle.leave(WINDOW_BYTES);
  }
}

/** Within this call. */
function checkNow(source: ElementSource, { start, count, first }: BoxPart, refuse: (first: number, count: number) => void): void {
  const offset = source.offset + dot(start, source.strides);
  checkSource(source, count, 0, offset);
  if (copyElements(nowhere, 0, [], { ...source, offset }, count, 0)) return;
  refuse(first, product(count));
  throw changedMeanwhile();
}
