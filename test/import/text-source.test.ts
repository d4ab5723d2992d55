import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { TextSource } from '../../lib/import/text-source.js';
import { firstInvalidUtf8, sequenceBoundary } from '../../lib/import/utf8.js';

const folder = mkdtempSync(join(tmpdir(), 'freestone-source-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

let files = 0;

function fileOf(content: string | Buffer): string {
  const path = join(folder, `${files++}.csv`);
  writeFileSync(path, content);
  return path;
}

/** The text as a consumer of whole lines sees it, read in blocks of so many bytes. */
async function readLines(content: string | Buffer, blockBytes: number, checkUtf8 = true): Promise<string> {
  const source = await TextSource.open(fileOf(content), join(folder, 'spool'));
  const lines: Buffer[] = [];
  try {
    await source.read(
      (bytes, length, _, last) => {
        const used = last ? length : bytes.subarray(0, length).lastIndexOf(0x0a) + 1;
        lines.push(Buffer.from(bytes.subarray(0, used)));
        return used;
      },
      () => undefined,
      { checkUtf8, blockBytes },
    );
  } finally {
    await source.close();
  }
  return Buffer.concat(lines).toString('utf8');
}

describe('the check for UTF-8', () => {
  it('finds no fault with a sequence that is cut by the edge of a block, wherever the edge is', async () => {
    const text = 'a,é\n漢字,😀😀\nä\nzz\n';
    for (let blockBytes = 1; blockBytes <= Buffer.byteLength(text); blockBytes++) expect(await readLines(text, blockBytes)).toBe(text);
  });

  it.each<[string, number[], number, number]>([
    ['a continuation byte alone', [0x61, 0x0a, 0x62, 0x80, 0x63], 2, 2],
    ['a sequence that ends too early', [0x61, 0x0a, 0x62, 0xe6, 0xbc, 0x63], 2, 2],
    ['a sequence that the file cuts off', [0x61, 0xf0, 0x9f, 0x98], 1, 2],
    ['an overlong sequence', [0x0a, 0xc0, 0x80], 2, 1],
    ['a surrogate', [0xed, 0xa0, 0x80], 1, 1],
    ['a code point beyond the last', [0x0d, 0x0d, 0x0a, 0xf4, 0x90, 0x80, 0x80], 3, 1],
    ['a byte that is none', [0xc3, 0xa9, 0xff, 0x0a], 1, 3],
  ])('finds %s at its line and byte, whatever the blocks are', async (_, bytes, line, column) => {
    for (let blockBytes = 1; blockBytes <= bytes.length; blockBytes++) {
      await expect(readLines(Buffer.from(bytes), blockBytes)).rejects.toMatchObject({ code: 'ERR_CORRUPT_FILE', line, column });
    }
  });

  it('agrees with TextDecoder on any bytes in any two blocks', () => {
    const byte = fc.constantFrom(0x00, 0x41, 0x7f, 0x80, 0xa0, 0xbf, 0xc2, 0xc3, 0xe0, 0xe2, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff);
    const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const isValid = (bytes: Buffer): boolean => {
      try {
        strict.decode(bytes);
        return true;
      } catch {
        return false;
      }
    };
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 8 }), fc.nat(8), (list, cut) => {
        const bytes = Buffer.from(list);
        const boundary = sequenceBoundary(bytes, 0, Math.min(cut, bytes.length));
        const first = firstInvalidUtf8(bytes, 0, boundary);
        const invalid = first >= 0 ? first : firstInvalidUtf8(bytes, boundary, bytes.length);
        expect(invalid < 0).toBe(isValid(bytes));
        if (invalid >= 0) expect([isValid(bytes.subarray(0, invalid)), isValid(bytes.subarray(invalid, invalid + 1))]).toEqual([true, (bytes[invalid] ?? 0) < 0x80]);
      }),
      { numRuns: 5000 },
    );
  });

  it('names UTF-16 by its mark, with what to do', async () => {
    await expect(readLines(Buffer.from('\ufeffa,b\n', 'utf16le'), 100)).rejects.toThrow(/:1:1: byte 0xff is not UTF-8; it looks like UTF-16: iconv/);
  });
});

describe('TextSource', () => {
  it('passes over a byte order mark, and counts columns behind it', async () => {
    expect(await readLines('\ufeffa,b\n1,2\n', 3)).toBe('a,b\n1,2\n');
    await expect(readLines(Buffer.concat([Buffer.from('\ufeffab'), Buffer.from([0xff])]), 2)).rejects.toMatchObject({ line: 1, column: 3 });
  });

  it('finds the line of a byte after every kind of line end', async () => {
    const source = await TextSource.open(fileOf('a\nb\rc\r\nd\n\re'), join(folder, 'spool'));
    const positions = await Promise.all([0, 2, 4, 5, 7, 9, 10].map((offset) => source.locate(offset)));
    await source.close();
    expect(positions.map(({ line, column }) => [line, column])).toEqual([[1, 1], [2, 1], [3, 1], [3, 2], [4, 1], [5, 1], [6, 1]]);
  });

  it('a record longer than 16 MiB is refused at its start, before it fills the memory', async () => {
    const endless = Buffer.alloc(40 * 1024 * 1024, 'x');
    endless.write('a,b\n1,2\n"');
    const source = await TextSource.open(fileOf(endless), join(folder, 'spool'));
    let largest = 0;
    const reading = source.read(
      (bytes, length) => {
        largest = Math.max(largest, bytes.length);
        return bytes.subarray(0, length).lastIndexOf(0x0a) + 1;
      },
      () => undefined,
    );
    await expect(reading).rejects.toMatchObject({ code: 'ERR_LIMIT_EXCEEDED', line: 3, column: 1, limit: 16 * 1024 * 1024 });
    expect(largest).toBeLessThanOrEqual(64 * 1024 * 1024);
    await source.close();
  });

  it('notices a file that shrinks or grows meanwhile', async () => {
    const path = fileOf('a\n'.repeat(1000));
    const source = await TextSource.open(path, join(folder, 'spool'));
    truncateSync(path, 100);
    await expect(source.read((_, length) => length, () => undefined)).rejects.toThrow('was changed while it was being imported');
    await expect(source.checkUnchanged()).rejects.toMatchObject({ code: 'ERR_CORRUPT_FILE', file: path });
    await source.close();
  });

  it('a directory is EISDIR and a file that is not there ENOENT, as Node has them', async () => {
    await expect(TextSource.open(folder, join(folder, 'spool'))).rejects.toMatchObject({ name: 'FreestoneError', code: 'EISDIR', path: folder });
    const absent = join(folder, 'absent.csv');
    await expect(TextSource.open(absent, join(folder, 'spool'))).rejects.toMatchObject({ name: 'FreestoneError', code: 'ENOENT', path: absent });
  });

  it('a pipe is copied to a file of its own, which is gone when it is closed', async () => {
    const pipe = join(folder, 'pipe');
    const spool = join(folder, 'spool');
    expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
    const text = 'a,b\n1,2\n'.repeat(50_000);
    const writing = writeFile(pipe, text);
    const source = await TextSource.open(pipe, spool);
    await writing;
    expect([source.size, readFileSync(spool, 'utf8') === text]).toEqual([text.length, true]);
    await source.close();
    expect(existsSync(spool)).toBe(false);
  });

  it('the signal ends the copying of a pipe too, with its reason', async () => {
    const pipe = join(folder, 'endless');
    const spool = join(folder, 'spool');
    expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
    const writer = spawn('sh', ['-c', `while echo a,b; do :; done > '${pipe}'`], { stdio: 'ignore' });
    const controller = new AbortController();
    const reason = new Error('enough');
    setTimeout(() => {
      controller.abort(reason);
    }, 200);
    await expect(TextSource.open(pipe, spool, controller.signal)).rejects.toBe(reason);
    expect(existsSync(spool)).toBe(false);
    writer.kill();
  });

  it('stops at the signal', async () => {
    const source = await TextSource.open(fileOf('a\n'.repeat(1000)), join(folder, 'spool'));
    const controller = new AbortController();
    const reason = new Error('enough');
    let blocks = 0;
    const reading = source.read(
      (_, length) => length,
      () => {
        if (++blocks === 3) controller.abort(reason);
      },
      { signal: controller.signal, blockBytes: 10 },
    );
    await expect(reading).rejects.toBe(reason);
    expect(blocks).toBe(3);
    await source.close();
  });

  it('the file is read as it is', async () => {
    const path = join(import.meta.dirname, 'text-source.test.ts');
    expect(await readLines(readFileSync(path), 100)).toBe(readFileSync(path, 'utf8'));
  });
});
