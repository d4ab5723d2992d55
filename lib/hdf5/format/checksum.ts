// Bob Jenkins' lookup3 ("hashlittle", 2006, public domain), which guards all version-2 metadata: HDF5 File Format
// Specification 3.0, appendix "Metadata checksum". The last block of 1 to 12 bytes goes through the final mix, so a
// length that is a multiple of 12 has its last twelve bytes there, not in the main loop.

/** The checksum of `data[start, end)`, as an unsigned 32-bit number. */
export function lookup3(data: Uint8Array, start = 0, end = data.length): number {
  let length = end - start;
  let a = (0xdeadbeef + length) | 0;
  let b = a;
  let c = a;
  let at = start;
  const word = (offset: number): number =>
    (data[offset] ?? 0) |
    ((data[offset + 1] ?? 0) << 8) |
    ((data[offset + 2] ?? 0) << 16) |
    ((data[offset + 3] ?? 0) << 24);
  while (length > 12) {
    a = (a + word(at)) | 0;
    b = (b + word(at + 4)) | 0;
    c = (c + word(at + 8)) | 0;
    a = (a - c) ^ ((c << 4) | (c >>> 28));
    c = (c + b) | 0;
    b = (b - a) ^ ((a << 6) | (a >>> 26));
    a = (a + c) | 0;
    c = (c - b) ^ ((b << 8) | (b >>> 24));
    b = (b + a) | 0;
    a = (a - c) ^ ((c << 16) | (c >>> 16));
    c = (c + b) | 0;
    b = (b - a) ^ ((a << 19) | (a >>> 13));
    a = (a + c) | 0;
    c = (c - b) ^ ((b << 4) | (b >>> 28));
    b = (b + a) | 0;
    at += 12;
    length -= 12;
  }
  if (length === 0) return c >>> 0;
  // Beyond the end there are zeros.
  const tailByte = (offset: number): number => (at + offset < end ? (data[at + offset] ?? 0) : 0);
  const tailWord = (offset: number): number =>
    tailByte(offset) | (tailByte(offset + 1) << 8) | (tailByte(offset + 2) << 16) | (tailByte(offset + 3) << 24);
  a = (a + tailWord(0)) | 0;
  b = (b + tailWord(4)) | 0;
  c = (c + tailWord(8)) | 0;
  c = (c ^ b) - ((b << 14) | (b >>> 18));
  a = (a ^ c) - ((c << 11) | (c >>> 21));
  b = (b ^ a) - ((a << 25) | (a >>> 7));
  c = (c ^ b) - ((b << 16) | (b >>> 16));
  a = (a ^ c) - ((c << 4) | (c >>> 28));
  b = (b ^ a) - ((a << 14) | (a >>> 18));
  c = (c ^ b) - ((b << 24) | (b >>> 8));
  return c >>> 0;
}
