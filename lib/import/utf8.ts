// Finding what is not UTF-8 in bytes that arrive in pieces.
import { isUtf8 } from 'node:buffer';

/** How many bytes a sequence with this first byte has; 1 for what starts none. */
function sequenceLength(first: number): number {
  if (first >= 0xf0) return 4;
  if (first >= 0xe0) return 3;
  return first >= 0xc0 ? 2 : 1;
}

/** Where bytes[from, to) can be cut without cutting a sequence: `to`, or up to three bytes before. */
export function sequenceBoundary(bytes: Uint8Array, from: number, to: number): number {
  for (let at = to - 1; at >= Math.max(from, to - 3); at--) {
    const byte = bytes[at] ?? 0;
    if (byte < 0x80) return to;
    if (byte >= 0xc0) return at + sequenceLength(byte) > to ? at : to;
  }
  return to;
}

/** Where the first sequence in bytes[from, to) that is not UTF-8 starts, or -1. `from` must be the start of a sequence. */
export function firstInvalidUtf8(bytes: Uint8Array, from: number, to: number): number {
  if (isUtf8(bytes.subarray(from, to))) return -1;
  let at = from;
  while (at < to) {
    const length = sequenceLength(bytes[at] ?? 0);
    if (!isUtf8(bytes.subarray(at, Math.min(at + length, to)))) return at;
    at += length;
  }
  return -1;
}
