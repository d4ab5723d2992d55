import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FreestoneError } from '../lib/errors.js';
import { native, openMode } from '../lib/native.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiled = join(root, 'dist', 'native.js');
const folder = mkdtempSync(join(tmpdir(), 'freestone-native-'));

beforeAll(() => {
  if (!existsSync(compiled)) throw new Error('dist/native.js is missing: npm run build');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Runs a module in a process of its own, with `url` as the compiled native.js, and parses what it prints. */
function inProcess(code: string, module = compiled): unknown {
  const url = pathToFileURL(module).href;
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', `const url = ${JSON.stringify(url)};\n${code}`], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`status ${String(status)}, signal ${String(signal)}: ${stderr}`);
  return JSON.parse(stdout);
}

/** What a worker does that loads the addon, uses it and ends. */
const worker = `
  const { Worker } = await import('node:worker_threads');
  const { once } = await import('node:events');
  async function inWorker(action) {
    const code = \`const { parentPort, workerData } = require('node:worker_threads');
      import(workerData).then(({ native }) => { const addon = native(); parentPort.postMessage((\${action})(addon)); });\`;
    const worker = new Worker(code, { eval: true, workerData: url, execArgv: [] });
    const ended = once(worker, 'exit');
    const [answer] = await once(worker, 'message');
    await ended;
    return answer;
  }`;

describe('the addon', () => {
  it('is loaded once and stays the same', () => {
    expect(native()).toBe(native());
  });

  it('has every part that the interface declares', () => {
    const source = readFileSync(join(root, 'lib', 'native.ts'), 'utf8');
    const body = /export interface NativeAddon \{([^]*?)\n\}/.exec(source)?.[1] ?? '';
    const declared = [...body.matchAll(/^ {2}(\w+)[(:]/gm)].map(([, name]) => name ?? '');
    expect(declared).toContain('FileSpace');
    const parts = native() as unknown as Record<string, unknown>;
    expect(declared.filter((name) => typeof parts[name] !== 'function')).toEqual([]);
    // `bindings` notes on the addon where it found it.
    expect(Object.getOwnPropertyNames(parts).toSorted()).toEqual([...declared, 'path'].toSorted());
  });

  it('an error of C++ is a FreestoneError with its code and facts', () => {
    const { FileSpace } = native();
    try {
      new FileSpace(0, 100).allocate(0, 1);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(FreestoneError);
      expect(error).toMatchObject({ code: 'ERR_INVALID_SIZE' });
    }
  });

  it("an error of the system is what Node's own would be", () => {
    const path = join(folder, 'absent');
    const { File } = native();
    let real: unknown;
    try {
      readFileSync(path);
    } catch (error) {
      real = error;
    }
    const { code, errno, syscall, message } = real as NodeJS.ErrnoException;
    try {
      new File(path, openMode.read);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(FreestoneError);
      expect(error).toMatchObject({ code, errno, syscall, path, message });
    }
  });
});

describe('the addon in threads', () => {
  it('is loaded by each of several at the same time, each with its own errors', () => {
    const code = `${worker}
      const action = \`(addon) => { try { new addon.FileSpace(0, 10).allocate(0, 1); } catch (error) { return error.code; } }\`;
      const codes = await Promise.all([1, 2, 3, 4].map(() => inWorker(action)));
      console.log(JSON.stringify(codes));`;
    expect(inProcess(code)).toEqual(['ERR_INVALID_SIZE', 'ERR_INVALID_SIZE', 'ERR_INVALID_SIZE', 'ERR_INVALID_SIZE']);
  });

  it('works in the main thread after workers alone had loaded it and have ended', () => {
    const code = `${worker}
      const first = await inWorker('(addon) => new addon.FileSpace(0, 1000).allocate(10, 1)');
      const second = await inWorker('(addon) => new addon.FileSpace(50, 1000).allocate(10, 1)');
      const { native } = await import(url);
      const space = new (native().FileSpace)(100, 1000);
      console.log(JSON.stringify([first, second, space.allocate(10, 1), space.endOfFile()]));`;
    expect(inProcess(code)).toEqual([0, 50, 100, 110]);
  });

  it('goes on in the main thread when workers that use it come and go', () => {
    const code = `${worker}
      const { native } = await import(url);
      const space = new (native().FileSpace)(0, 1e9);
      for (let round = 0; round < 5; round++) {
        space.allocate(10, 1);
        await inWorker('(addon) => addon.workerCount()');
      }
      console.log(JSON.stringify(space.endOfFile()));`;
    expect(inProcess(code)).toBe(50);
  });
});

describe('where the addon is looked for', () => {
  /** A package with nothing in it but what native.js needs. */
  function emptyPackage(name: string): string {
    const place = join(folder, name);
    for (const file of ['native.js', 'errors.js']) cpSync(join(root, 'dist', file), join(place, 'dist', file));
    writeFileSync(join(place, 'package.json'), '{ "type": "module" }');
    symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'));
    return place;
  }

  const attempt = `
    const { native } = await import(url);
    try { console.log(JSON.stringify({ loaded: typeof native().FileSpace })); }
    catch ({ name, code, message, tried, platform }) { console.log(JSON.stringify({ name, code, message, tried, platform })); }`;

  it('in neither place is an error that names both and says how to build', () => {
    const place = emptyPackage('nothing');
    const platform = `${process.platform}-${process.arch}`;
    const error = inProcess(attempt, join(place, 'dist', 'native.js')) as { message: string; tried: string[] };
    expect(error).toMatchObject({ name: 'FreestoneError', code: 'ERR_ADDON_NOT_FOUND', platform });
    expect(error.tried).toHaveLength(2);
    expect(error.tried[0]).toBe(join(place, 'build', 'Release', 'freestone.node'));
    expect(error.tried[1]).toContain(join(place, 'prebuilds', platform, 'freestone.'));
    for (const path of error.tried) expect(error.message).toContain(path);
    expect(error.message).toContain(`cd ${place} && npx node-gyp rebuild`);
  });

  it.each<[string, (place: string, prebuilt: string) => string]>([
    ['what a clone has built', (place) => join(place, 'build', 'Release', 'freestone.node')],
    ['what came prebuilt', (_, prebuilt) => prebuilt],
  ])('%s is found', (name, target) => {
    const place = emptyPackage(name);
    const { tried } = inProcess(attempt, join(place, 'dist', 'native.js')) as { tried: string[] };
    cpSync(join(root, 'build', 'Release', 'freestone.node'), target(place, tried[1] ?? ''));
    expect(inProcess(attempt, join(place, 'dist', 'native.js'))).toEqual({ loaded: 'function' });
  });

  it('a file that is no addon is an error with the reason', () => {
    const place = emptyPackage('broken');
    const broken = join(place, 'build', 'Release', 'freestone.node');
    cpSync(join(root, 'package.json'), broken);
    const error = inProcess(attempt, join(place, 'dist', 'native.js')) as { message: string };
    expect(error).toMatchObject({ code: 'ERR_ADDON_NOT_FOUND' });
    expect(error.message).toContain(broken);
  });
});
