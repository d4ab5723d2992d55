// What apache-arrow needs to read compressed record batches: it finds codecs in a registry, and has none itself.
import * as zlib from 'node:zlib';
import { decodeLz4Frame } from './lz4-frame.js';

interface Codec {
  decode(bytes: Uint8Array): Uint8Array;
}

/** Of apache-arrow from version 21 on. */
export interface CompressionRegistry {
  get(type: number): unknown;
  set(type: number, codec: Codec): void;
}

/** As the format numbers them. */
const LZ4_FRAME = 0;
const ZSTD = 1;

/** Registers what is there, and leaves alone what the program has registered. */
export async function registerCodecs(registry: CompressionRegistry | undefined): Promise<void> {
  if (registry === undefined) return;
  if (registry.get(LZ4_FRAME) === null) registry.set(LZ4_FRAME, { decode: decodeLz4Frame });
  if (registry.get(ZSTD) !== null) return;
  const decode = await zstd();
  // Typed arrays of numbers lie over what is decoded.
  if (decode !== undefined) registry.set(ZSTD, { decode: (bytes) => Uint8Array.from(decode(bytes)) });
}

/** Node's own, from 22.15 on, or that of the package with which Parquet is decompressed. */
async function zstd(): Promise<((bytes: Uint8Array) => Uint8Array) | undefined> {
  const own = (zlib as { readonly zstdDecompressSync?: (bytes: Uint8Array) => Uint8Array }).zstdDecompressSync;
  if (own !== undefined) return own;
  try {
    const { compressors } = (await import('hyparquet-compressors')) as unknown as { readonly compressors: { readonly ZSTD: (bytes: Uint8Array) => Uint8Array } };
    return compressors.ZSTD;
  } catch {
    return undefined;
  }
}
