// Texts that each have the same number of bytes in the file, many at a time: written as one, and as strings gathered without their padding
// and decoded together, which takes a tenth of what decoding each by itself takes.
import { native } from '../../native.js';
import type { StringPad } from '../format/datatype.js';
import { turn, wait, type Steps } from '../storage/steps.js';
import { joinedTexts } from './joined-texts.js';

/** So many bytes of texts become strings at once. V8 keeps all of them as long as one of them is held. */
const GATHERED_BYTES = 2 ** 18;

/**
 * All texts, in UTF-8, of which `source` has a whole number.
 * @param one decodes the text at an offset by itself
 */
export function* fixedTexts(source: Buffer, size: number, pad: StringPad, one: (offset: number) => string): Steps<readonly string[]> {
  const texts = new Array<string>(source.length / size);
  let next = 0;
  const together = Math.max(1, Math.floor(GATHERED_BYTES / (size + 1)));
  const gathered = Buffer.allocUnsafeSlow(Math.min(together * size, source.length) + Math.min(together, source.length / size));
  for (let first = 0; first < source.length; first += together * size) {
    if (first > 0) yield* wait(turn());
    const some = source.subarray(first, first + together * size);
    const all = gather(some, size, pad, gathered);
    if (all === null) for (let at = 0; at < some.length; at += size) texts[next++] = one(first + at);
    else for (const text of all.split('\0')) texts[next++] = text;
  }
  return texts;
}

/** Texts with a zero between them; null where zeros do not tell them apart. @param into has room for a zero behind each */
function gather(source: Buffer, size: number, pad: StringPad, into: Buffer): string | null {
  const filler = pad === 'space' ? 0x20 : 0;
  let to = 0;
  let bits = 0;
  for (let from = 0; from < source.length; from += size) {
    let end = from + size;
    if (pad === 'nullterm') {
      end = from;
      while (end < from + size && source[end] !== 0) end += 1;
    } else {
      while (end > from && source[end - 1] === filler) end -= 1;
    }
    for (let at = from; at < end; at += 1) {
      const byte = source[at] ?? 0;
      // Also a text padded with spaces that was never written.
      if (byte === 0) return null;
      bits |= byte;
      into[to] = byte;
      to += 1;
    }
    into[to] = 0;
    to += 1;
  }
  return into.toString(bits < 0x80 ? 'latin1' : 'utf8', 0, to - 1);
}

/** Writes texts of which each character is a byte. @returns false when there is another one, or one that does not fit */
export function putFixedTexts(target: Buffer, values: readonly unknown[], { size, room, filler }: { readonly size: number; readonly room: number; readonly filler: number }): boolean {
  for (let first = 0; first < values.length; ) {
    const some = joinedTexts(values, first, '', room);
    if (some === null || some.bytes.length !== some.text.length) return false;
    const end = first + some.lengths.length;
    if (!native().placeTexts(some.bytes, some.lengths, target.subarray(first * size, end * size), size, room, filler)) return false;
    first = end;
  }
  return true;
}
