// A file system without hard links, as FAT and some network file systems are.
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { importFiles } from '../../lib/import/index.js';

vi.mock('node:fs/promises', async (original) => ({
  ...(await original<object>()),
  link: () => Promise.reject(Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM', errno: -1, syscall: 'link' })),
}));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'freestone-no-links-'));
  writeFileSync(join(folder, 'in.csv'), 'a\n1\n');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

it('the output appears there too, and nothing else is left', async () => {
  const { bytesWritten } = await importFiles([join(folder, 'in.csv')], join(folder, 'out.h5'));
  expect(readdirSync(folder)).toEqual(['in.csv', 'out.h5']);
  expect(readFileSync(join(folder, 'out.h5'))).toHaveLength(bytesWritten);
});

it('what comes there meanwhile is not replaced', async () => {
  const output = join(folder, 'out.h5');
  const importing = importFiles([join(folder, 'in.csv')], output, {
    onProgress: () => {
      if (!existsSync(output)) writeFileSync(output, 'precious');
    },
  });
  await expect(importing).rejects.toMatchObject({ code: 'ERR_EXISTS' });
  expect(readFileSync(output, 'utf8')).toBe('precious');
  expect(readdirSync(folder)).toEqual(['in.csv', 'out.h5']);
});
