// LZ4 frames (LZ4 Frame Format Description 1.6), which Arrow's writers use unless told otherwise. Checksums are passed over.

const MAGIC = 0x184d2204;
/** Bits of the frame's descriptor. */
const flag = { dictionary: 1, contentSize: 8, blockChecksum: 16, version: 0xc0 } as const;
const STORED = 0x8000_0000;
const LEAST_MATCH = 4;

function damaged(what: string): Error {
  return new Error(`an LZ4 frame ${what}`);
}

/** @returns what one frame holds, in memory of its own. @throws an Error that says what is wrong with it */
export function decodeLz4Frame(frame: Uint8Array): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const flags = frame[4] ?? 0;
  if (frame.length < 7 || view.getUint32(0, true) !== MAGIC || (flags & flag.version) !== 0x40) throw damaged('has no beginning');
  if ((flags & flag.dictionary) !== 0) throw damaged('needs a dictionary, which Arrow has none for');
  const mostOfBlock = 2 ** (8 + 2 * (((frame[5] ?? 0) >> 4) & 7));
  let from = (flags & flag.contentSize) === 0 ? 7 : 15;
  let output = new Uint8Array(Math.max(mostOfBlock, frame.length * 4));
  let size = 0;
  for (;;) {
    if (from + 4 > frame.length) throw damaged('has no end');
    const header = view.getUint32(from, true);
    if (header === 0) return output.slice(0, size);
    const length = header % STORED;
    const block = frame.subarray(from + 4, from + 4 + length);
    if (block.length < length) throw damaged('ends within a block');
    if (size + Math.max(mostOfBlock, length) > output.length) {
      const grown = new Uint8Array(2 * output.length + length);
      grown.set(output);
      output = grown;
    }
    if (header >= STORED) {
      output.set(block, size);
      size += length;
    } else size = decodeBlock(block, output, size, size + mostOfBlock);
    from += 4 + length + ((flags & flag.blockChecksum) === 0 ? 0 : 4);
  }
}

/** Decodes to `at`, behind blocks to which matches may reach back. @returns where it ends, which is at most `limit` */
function decodeBlock(block: Uint8Array, output: Uint8Array, at: number, limit: number): number {
  let from = 0;
  let to = at;
  /** A length of 15 goes on in bytes of which the last is not 255. */
  const whole = (length: number): number => {
    let sum = length;
    if (length !== 15) return sum;
    for (let more = 255; more === 255; sum += more) {
      if (from >= block.length) throw damaged('ends within a length');
      more = block[from] ?? 0;
      from += 1;
    }
    return sum;
  };
  while (from < block.length) {
    const token = block[from] ?? 0;
    from += 1;
    const literals = whole(token >> 4);
    if (from + literals > block.length || to + literals > limit) throw damaged('has more bytes than it may');
    output.set(block.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    // The last sequence has no match.
    if (from === block.length) break;
    const distance = (block[from] ?? 0) + (block[from + 1] ?? 0) * 256;
    from += 2;
    const match = whole(token & 15) + LEAST_MATCH;
    if (distance === 0 || distance > to || to + match > limit) throw damaged('refers to what it does not have');
    // It may overlap what it makes.
    if (distance >= match) output.copyWithin(to, to - distance, to - distance + match);
    else for (let i = 0; i < match; i += 1) output[to + i] = output[to + i - distance] ?? 0;
    to += match;
  }
  return to;
}
