import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importFiles } from '../../lib/import/index.js';
import { OutputFile } from '../../lib/import/output-file.js';
import { scratchFolder } from '../hdf5/scratch.js';

const scratch = scratchFolder();
let folders = 0;

/** A folder of its own, so that what is left in it can be told. */
function place(): { folder: string; input: string; output: string } {
  const folder = join(scratch.folder, `place ${++folders}`);
  mkdirSync(folder);
  const input = join(folder, 'in.csv');
  writeFileSync(input, `a,b\n${Array.from({ length: 50_000 }, (_, row) => `${row},text ${row}\n`).join('')}`);
  return { folder, input, output: join(folder, 'out.h5') };
}

describe('the output of an import', () => {
  it('is not there under its name before it is complete, and nothing else is there afterwards', async () => {
    const { folder, input, output } = place();
    const seen = new Set<string>();
    await importFiles([input], output, {
      onProgress: ({ phase }) => {
        for (const name of readdirSync(folder)) seen.add(`${phase}: ${name}`);
      },
    });
    expect([...seen].toSorted()).toEqual(['infer: in.csv', `write: .out.h5.${process.pid}.partial`, 'write: in.csv']);
    expect(readdirSync(folder)).toEqual(['in.csv', 'out.h5']);
  });

  it('does not replace what is there', async () => {
    const { input, output } = place();
    writeFileSync(output, 'precious');
    await expect(importFiles([input], output)).rejects.toMatchObject({ code: 'ERR_EXISTS', path: output });
    expect(readFileSync(output, 'utf8')).toBe('precious');
  });

  it('does not replace what comes there meanwhile', async () => {
    const { folder, input, output } = place();
    const importing = importFiles([input], output, {
      onProgress: ({ phase }) => {
        if (phase === 'write' && !existsSync(output)) writeFileSync(output, 'precious');
      },
    });
    await expect(importing).rejects.toMatchObject({ code: 'ERR_EXISTS', path: output });
    expect(readFileSync(output, 'utf8')).toBe('precious');
    expect(readdirSync(folder)).toEqual(['in.csv', 'out.h5']);
  });

  it('replaces what is there when it is told to, and only when it is complete', async () => {
    const { folder, input, output } = place();
    writeFileSync(output, 'old');
    const sizes = new Set<number>();
    const { bytesWritten } = await importFiles([input], output, { overwrite: true, onProgress: () => sizes.add(statSync(output).size) });
    expect([...sizes]).toEqual([3]);
    expect(statSync(output).size).toBe(bytesWritten);
    expect(readdirSync(folder)).toEqual(['in.csv', 'out.h5']);
  });

  it('is left as it was when the work fails, though it was to be replaced', async () => {
    const { folder, input, output } = place();
    writeFileSync(output, 'old');
    writeFileSync(input, 'a,b\n1,2\n3\n');
    await expect(importFiles([input], output, { overwrite: true })).rejects.toMatchObject({ code: 'ERR_CORRUPT_FILE' });
    expect(readFileSync(output, 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['in.csv', 'out.h5']);
  });

  it.each(['infer', 'write'] as const)('is not made when the signal comes during %s', async (phase) => {
    const { folder, input, output } = place();
    const controller = new AbortController();
    const reason = new Error('enough');
    const importing = importFiles([input], output, {
      signal: controller.signal,
      onProgress: (progress) => {
        if (progress.phase === phase) controller.abort(reason);
      },
    });
    await expect(importing).rejects.toBe(reason);
    expect(readdirSync(folder)).toEqual(['in.csv']);
  });

  it('is not made when the callback throws', async () => {
    const { folder, input, output } = place();
    const importing = importFiles([input], output, {
      onProgress: ({ phase }) => {
        if (phase === 'write') throw new Error('not mine');
      },
    });
    await expect(importing).rejects.toThrow('not mine');
    expect(readdirSync(folder)).toEqual(['in.csv']);
  });

  it('is not made when the input changes between its two readings', async () => {
    const { folder, input, output } = place();
    const importing = importFiles([input], output, {
      onProgress: ({ phase, bytes }) => {
        if (phase === 'infer' && bytes === statSync(input).size) writeFileSync(input, readFileSync(input, 'utf8').replace('\n7,', '\nx,'));
      },
    });
    await expect(importing).rejects.toMatchObject({ code: 'ERR_CORRUPT_FILE', message: `${input}: the file was changed while it was being imported` });
    expect(readdirSync(folder)).toEqual(['in.csv']);
  });

  it('takes the place of what a process that was killed left behind', async () => {
    const { folder, input, output } = place();
    writeFileSync(join(folder, `.out.h5.${process.pid}.partial`), 'half of a file');
    await importFiles([input], output);
    expect(readdirSync(folder)).toEqual(['in.csv', 'out.h5']);
  });

  it('is written by one import of a process at a time', async () => {
    const { folder, input, output } = place();
    const [first, second] = await Promise.allSettled([importFiles([input], output), importFiles([input], output)]);
    expect([first.status, second.status].toSorted()).toEqual(['fulfilled', 'rejected']);
    const failed = [first, second].find((outcome) => outcome.status === 'rejected');
    expect(failed?.reason).toMatchObject({ code: 'ERR_FILE_LOCKED' });
    expect(readdirSync(folder)).toEqual(['in.csv', 'out.h5']);
  });
});

describe('OutputFile', () => {
  it('leaves no file behind when the process ends in the middle', async () => {
    const { output } = place();
    const target = await OutputFile.prepare(output, false);
    writeFileSync(target.partial, 'half');
    const spool = target.spool();
    writeFileSync(spool, 'input');
    const atExit = process.listeners('exit').filter(({ name }) => name === 'removeUnfinished');
    expect(atExit).toHaveLength(1);
    atExit[0]?.(0);
    expect([existsSync(target.partial), existsSync(spool)]).toEqual([false, false]);
    await target.discard();
    expect(process.listeners('exit').map(({ name }) => name)).not.toContain('removeUnfinished');
  });

  it('gives each input that is kept a place of its own beside the output', async () => {
    const { folder, output } = place();
    const target = await OutputFile.prepare(output, false);
    const places = [target.spool(), target.spool(), target.partial];
    expect(new Set(places).size).toBe(3);
    for (const path of places) expect([join(folder, basename(path)), basename(path).startsWith('.out.h5.')]).toEqual([path, true]);
    await target.discard();
  });

  it('a name that is a dangling link is taken too', async () => {
    const { folder, output } = place();
    symlinkSync(join(folder, 'nowhere'), output);
    await expect(OutputFile.prepare(output, false)).rejects.toMatchObject({ code: 'ERR_EXISTS' });
  });
});
