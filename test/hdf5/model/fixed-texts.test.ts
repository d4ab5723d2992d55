// Texts of a fixed number of bytes decoded together are what each is by itself, whatever the bytes are.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixedStringType } from '../../../lib/hdf5/model/element-type.js';
import { begin, now } from '../../../lib/hdf5/storage/steps.js';

const noHeap = { read: (): never => { throw new Error('no text of a fixed size is in a heap'); }, readTexts: (): never => { throw new Error('nor are several'); } };

function together(size: number, pad: 'null' | 'space' | 'nullterm', source: Buffer): { all: readonly unknown[]; each: unknown[] } {
  const type = fixedStringType(size, { pad });
  const steps = type.getAll?.(source, noHeap);
  if (steps === undefined) throw new Error('there is no way to decode them together');
  return { all: now(() => begin(steps)), each: Array.from({ length: source.length / size }, (_, i) => type.get(source, i * size, noHeap)) };
}

describe.each(['null', 'space', 'nullterm'] as const)('texts padded with %s', (pad) => {
  const byte = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 0x41, max: 0x5a }) },
    { weight: 2, arbitrary: fc.constantFrom(0, 0x20) },
    { weight: 1, arbitrary: fc.constantFrom(0x80, 0xbf, 0xc3, 0xa4, 0xe2, 0x82, 0xac, 0xed, 0xa0, 0xf0, 0x9f, 0xff, 0xef, 0xbb) },
  );
  const texts = fc.integer({ min: 1, max: 6 }).chain((size) => fc.array(fc.array(byte, { minLength: size, maxLength: size }), { minLength: 1, maxLength: 8 }).map((rows) => ({ size, source: Buffer.from(rows.flat()) })));

  it('of any bytes, UTF-8 or not', () => {
    fc.assert(
      fc.property(texts, ({ size, source }) => {
        const { all, each } = together(size, pad, source);
        expect(all).toEqual(each);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([['ascii', ['a', 'text', '', 'of 8byts'.slice(0, 7)]], ['unicode', ['ü', '', '€ 1', '日本']], ['never written', ['\0\0\0\0\0\0\0\0']]])('many of them: %s', (_, some) => {
    const size = 8;
    const count = 100_000;
    const source = Buffer.alloc(count * size, pad === 'space' ? ' ' : 0);
    for (let i = 0; i < count; i += 1) source.write(some[i % some.length] ?? '', i * size);
    const { all, each } = together(size, pad, source);
    expect(all).toHaveLength(count);
    expect(all).toEqual(each);
    if (some.length > 1) expect(all.slice(0, 4)).toEqual(some);
  });
});

it('texts larger than are decoded together, and none', () => {
  const size = 300_000;
  const source = Buffer.alloc(3 * size);
  source.fill('x', 0, 250_000).write('short', size);
  expect(together(size, 'null', source).all).toEqual(['x'.repeat(250_000), 'short', '']);
  expect(together(5, 'null', Buffer.alloc(0)).all).toEqual([]);
});
