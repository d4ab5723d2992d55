// `freestone map --html`, `--svg` and `freestone filespace replay`.
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { filespace } from '../../lib/cli/filespace.js';
import { map } from '../../lib/cli/map.js';
import { H5File, gzip } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';

const scratch = scratchFolder();
const printed: string[] = [];
vi.spyOn(console, 'log').mockImplementation((text: string) => void printed.push(text));
vi.spyOn(console, 'error').mockImplementation((text: string) => void printed.push(text));
afterEach(() => {
  printed.length = 0;
});

describe('a map', () => {
  const path = scratch.path();
  const page = scratch.path('.html');
  const picture = scratch.path('.svg');

  beforeAll(async () => {
    const file = await H5File.create(path);
    const data = await file.root.createDataset('</script><b>&"', { dtype: 'float64', shape: [1000], chunks: [100], filters: [gzip(1)] });
    for (let n = 0; n < 3; n += 1) {
      await data.write(Float64Array.from({ length: 1000 }, (_, i) => Math.sin(i * n)));
      await file.flush();
    }
    await file.close();
    expect(await map.run(['--html', page, '--svg', picture, path])).toBe(0);
  });

  it('is one page that needs nothing else and holds every extent', async () => {
    const text = readFileSync(page, 'utf8');
    expect(text).not.toMatch(/(src|href)=|https?:|url\(|@import|fetch\(/);
    const [, json = ''] = /<script type="application\/json" id="map">(.*?)<\/script>/s.exec(text) ?? [];
    const { extents, owners, kinds, total } = JSON.parse(json) as { extents: number[]; owners: string[]; kinds: string[]; total: number };
    const opened = await H5File.open(path);
    expect(Array.from({ length: extents.length / 4 }, (_, i) => ({
      offset: extents[i * 4],
      size: extents[i * 4 + 1],
      kind: kinds[extents[i * 4 + 2] ?? 0],
      owner: owners[extents[i * 4 + 3] ?? 0],
    }))).toEqual(opened.map());
    await opened.close();
    expect(total).toBe(readFileSync(path).length);
    expect(text).toMatch(/unused in \d+ holes, the largest .* fragmentation \d/);
  });

  it('is a picture whose parts say what they are', () => {
    const text = readFileSync(picture, 'utf8');
    expect(text).toMatch(/^<svg [^]*<\/svg>\n$/);
    expect(text).toContain('&#60;/script&#62;&#60;b&#62;&#38;&#34;');
    expect(text).not.toContain('NaN');
    expect(text).toMatch(/<title>data /);
  });
});

describe('a replay', () => {
  const trace = scratch.path('.json');
  const operations = Array.from({ length: 400 }, (_, i) => (i % 4 === 3 ? ['free', i - Math.floor(i / 4) - 3] : ['allocate', 1 + ((i * 37) % 500)]));

  it('compares strategies in words, as JSON and as a picture', async () => {
    writeFileSync(trace, JSON.stringify({ operations }));
    const picture = scratch.path('.svg');
    expect(await filespace.run(['replay', trace, '--svg', picture])).toBe(0);
    for (const name of ['end-of-file', 'first-fit', 'best-fit', 'worst-fit']) expect(printed.join()).toContain(name);
    expect(readFileSync(picture, 'utf8')).toContain('<polyline');
    printed.length = 0;
    expect(await filespace.run(['replay', trace, '--strategy', 'best-fit', '-s', 'end-of-file', '--page-size', '512', '--json'])).toBe(0);
    const replays = JSON.parse(printed.join()) as { strategy: string; fileSize: number }[];
    expect(replays.map(({ strategy }) => strategy)).toEqual(['best-fit', 'end-of-file']);
    expect(replays.every(({ fileSize }) => fileSize % 512 === 0)).toBe(true);
  });

  it('of what is no trace ends with an error that says so, and wrong usage with 2', async () => {
    await expect(filespace.run(['replay', scratch.path('.none')])).rejects.toThrow(expect.objectContaining({ code: 'ERR_NOT_FOUND' }) as Error);
    writeFileSync(trace, '{');
    await expect(filespace.run(['replay', trace])).rejects.toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }) as Error);
    writeFileSync(trace, '{"operations":[["free",3]]}');
    await expect(filespace.run(['replay', trace])).rejects.toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }) as Error);
    for (const args of [[], ['replay'], ['draw', trace], ['replay', trace, '--strategy', 'any-fit']]) expect(await filespace.run(args)).toBe(2);
  });
});
