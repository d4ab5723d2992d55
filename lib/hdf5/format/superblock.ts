// Superblock versions 2 and 3: HDF5 File Format Specification 3.0, II.A. 48 bytes, the last four a checksum of the others,
// so that one write smaller than a disk sector replaces it.
import { corrupt, unsupported } from './bytes.js';
import { lookup3 } from './checksum.js';
import { address, decode, encode, known, length, print, signature, struct, u32, u8, type Decoded, type Encodable } from './schema.js';

export const superblockSize = 48;
const fileSignature = '\x89HDF\r\n\x1a\n';

const fields = struct({
  signature: signature(fileSignature),
  version: known(u8, 'version', 2, 3),
  offsetSize: known(u8, 'an offset size of', 8),
  lengthSize: known(u8, 'a length size of', 8),
  consistencyFlags: u8,
  baseAddress: length,
  extensionAddress: address,
  endOfFile: length,
  rootHeaderAddress: length,
});

export type Superblock = Decoded<typeof fields>;

export function encodeSuperblock(superblock: Encodable<typeof fields>): Buffer {
  const body = encode(fields, superblock);
  return Buffer.concat([body, encode(u32, lookup3(body))]);
}

export const signatureSize = 8;

/** Whether these bytes begin as a superblock does. */
export function isSignature(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, signatureSize)).equals(Buffer.from(fileSignature, 'latin1'));
}

/** @throws ERR_CORRUPT_FILE when these are not the first bytes of an HDF5 file, or damaged ones; ERR_UNSUPPORTED for another version */
export function decodeSuperblock(bytes: Uint8Array): Superblock {
  if (bytes.length < 9 || !isSignature(bytes)) {
    throw corrupt('this is not an HDF5 file: its first bytes are not the signature');
  }
  const version = bytes[8] ?? 0;
  if (version < 2 || version > 3) throw unsupported(`superblock version ${String(version)}`);
  const superblock = decode(fields, bytes, 'the superblock');
  const stored = decode(u32, bytes.subarray(superblockSize - 4), 'the superblock');
  if (stored !== lookup3(bytes, 0, superblockSize - 4)) throw corrupt('the checksum of the superblock is wrong');
  return superblock;
}

export function printSuperblock(superblock: Encodable<typeof fields>): string {
  return print(fields, superblock);
}
