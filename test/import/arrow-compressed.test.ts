// Arrow files with compressed batches. The two that are here were written by pyarrow 25 (`feather.write_feather` with chunksize=20000): column `n` is i % 7, `x` is (i % 250) / 8 and
// missing where i % 1000 is 3, `kind` a dictionary of three texts in turn, `few` i * 0.1 for i < 3 and then 0.5; 30,000 rows.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CompressionType, compressionRegistry } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { H5File, type Dataset } from '../../lib/hdf5/index.js';
import { importFiles } from '../../lib/import/index.js';
import { decodeLz4Frame } from '../../lib/import/lz4-frame.js';
import { scratchFolder } from '../hdf5/scratch.js';

const scratch = scratchFolder();
const ROWS = 30_000;
const wanted = {
  n: Array.from({ length: ROWS }, (_, i) => i % 7),
  x: Array.from({ length: ROWS }, (_, i) => (i % 1000 === 3 ? NaN : (i % 250) / 8)),
  kind: Array.from({ length: ROWS }, (_, i) => ['red', 'green', 'blue'][i % 3]),
  few: Array.from({ length: ROWS }, (_, i) => (i < 3 ? i * 0.1 : 0.5)),
};

const fixture = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

describe('an Arrow file of pyarrow', () => {
  it.each(['lz4', 'zstd'])('compressed with %s is imported value for value', async (codec) => {
    const output = scratch.path();
    await importFiles([fixture(`pyarrow-${codec}.arrow`)], output);
    await using file = await H5File.open(output);
    for (const [name, values] of Object.entries(wanted)) {
      const [group] = [...file.root.keys()];
      const found = [...((await (file.root.get(file.root.has(name) ? name : `${String(group)}/${name}`) as Dataset).read()) as unknown[])];
      expect([name, found]).toEqual([name, values]);
    }
  });

  it('whose codec is not there is refused, with what to do, before anything is written', async () => {
    const zstd = CompressionType.ZSTD;
    const before = compressionRegistry.get(zstd);
    compressionRegistry.set(zstd, {});
    const output = scratch.path();
    const importing = importFiles([fixture('pyarrow-zstd.arrow')], output);
    await expect(importing).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED', message: expect.stringMatching(/pyarrow-zstd.arrow.*zstd.*npm install hyparquet-compressors.*uncompressed/) as string });
    expect(existsSync(output)).toBe(false);
    compressionRegistry.set(zstd, before ?? {});
  });
});

const framed = (blocks: readonly number[][], flags = 0x60): Uint8Array => {
  const bytes = [0x04, 0x22, 0x4d, 0x18, flags, 0x40, 0];
  for (const block of blocks) bytes.push(block.length % 256, block.length >> 8, 0, 0, ...block);
  return Uint8Array.from([...bytes, 0, 0, 0, 0]);
};

describe('an LZ4 frame', () => {
  it('may repeat what it makes, reach back into earlier blocks, and hold blocks as they are', () => {
    const letters = [...Buffer.from('abcd')];
    // Four letters and a match of eight at distance four; then a block that begins with a match into the one before.
    expect(Buffer.from(decodeLz4Frame(framed([[0x44, ...letters, 4, 0], [0x02, 12, 0, 0x10, 0x21]]))).toString()).toBe('abcdabcdabcdabcdab!');
    const stored = framed([letters]);
    stored[10] = 0x80;
    expect(Buffer.from(decodeLz4Frame(stored)).toString()).toBe('abcd');
    const long = framed([[0x1f, 97, 1, 0, 255, 255, 10, 0x10, 98]]);
    expect(Buffer.from(decodeLz4Frame(long)).toString()).toBe(`${'a'.repeat(1 + 15 + 255 + 255 + 10 + 4)}b`);
  });

  it.each<[string, Uint8Array]>([
    ['of nothing', new Uint8Array()],
    ['of something else', Uint8Array.from(Buffer.from('ARROW1 and more'))],
    ['without an end', framed([[0x10, 97]]).subarray(0, -4)],
    ['that ends within a block', framed([[0x10, 97]]).subarray(0, -5)],
    ['whose literals are cut off', framed([[0x40, 97]])],
    ['whose length is cut off', framed([[0xf0, 255]])],
    ['that reaches back before its beginning', framed([[0x10, 97, 2, 0, 0]])],
    ['that reaches back by nothing', framed([[0x10, 97, 0, 0, 0]])],
    ['with a block larger than it may be', framed([[0x1f, 97, 1, 0, ...Array<number>(258).fill(255), 0]])],
    ['that needs a dictionary', framed([], 0x61)],
  ])('%s is refused', (_, frame) => {
    expect(() => decodeLz4Frame(frame)).toThrow('an LZ4 frame');
  });

  it('that is damaged gives an error, or other bytes', () => {
    const file = readFileSync(fixture('pyarrow-lz4.arrow'));
    const start = file.indexOf(Buffer.from([0x04, 0x22, 0x4d, 0x18]));
    expect(start).toBeGreaterThan(0);
    for (let i = 0; i < 2000; i += 1) {
      const damaged = Uint8Array.from(file.subarray(start, start + 1500));
      damaged[(i * 7919) % damaged.length] = (i * 31) % 256;
      try {
        decodeLz4Frame(damaged);
      } catch (error) {
        expect((error as Error).message).toContain('an LZ4 frame');
      }
    }
  });
});
