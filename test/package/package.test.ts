import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InstalledPackage, repository, run } from './installed-package.js';

const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
  version: string;
  exports: Record<string, unknown>;
  scripts: Record<string, string>;
};
/** `freestone`, `freestone/hdf5` … */
const entries = Object.keys(manifest.exports)
  .filter((entry) => entry !== './package.json')
  .map((entry) => entry.replace(/^\./, 'freestone'));

let user: InstalledPackage;
beforeAll(() => {
  user = new InstalledPackage();
});
afterAll(() => {
  user.remove();
});

/** What a script prints as JSON. */
function answer(kind: 'mjs' | 'cjs', code: string): unknown {
  const { status, stdout, stderr } = user.node(kind, code);
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

describe('the installed package', () => {
  it('brings what it needs to run and nothing for those who build it', () => {
    const tops = new Set(user.files.map((path) => path.split('/')[0]));
    expect([...tops].filter((name) => !['dist', 'lib', 'native', 'prebuilds'].includes(name ?? '')).toSorted()).toEqual(
      ['CHANGELOG.md', 'LICENSE', 'README.md', 'binding.gyp', 'package.json'].filter((name) => user.files.includes(name)),
    );
    expect(user.files).toContain('dist/cli/main.js');
    expect(user.files).toContain('package.json');
    expect(user.files.filter((path) => /(^|\/)(test|bench|node_modules|build)\/|\.test\.|\.tsbuildinfo$/.test(path))).toEqual([]);
  });

  it('only start, test and bench are scripts that npm runs another one before', () => {
    // A script called prebuild once ran before every build.
    const names = Object.keys(manifest.scripts);
    expect(names.filter((name) => /^(pre|post)/.test(name) && names.includes(name.replace(/^(pre|post)/, ''))).toSorted()).toEqual(['prebench', 'prestart', 'pretest']);
  });

  it('holds no path of the machine that packed it', () => {
    const places = [repository, ...(homedir().length > 5 ? [homedir()] : [])].map((place) => Buffer.from(`${place}/`));
    const files = user.contents();
    expect(files.length).toBeGreaterThanOrEqual(user.files.length);
    expect(files.filter(({ content }) => places.some((place) => content.includes(place))).map(({ path }) => path)).toEqual([]);
  });

  it.each(entries)('%s loads with import and with require, and both give the same classes', (entry) => {
    const code = `
      import * as imported from ${JSON.stringify(entry)};
      import { createRequire } from 'node:module';
      const required = createRequire(import.meta.url)(${JSON.stringify(entry)});
      const names = Object.keys(imported);
      console.log(JSON.stringify({ count: names.length, others: names.filter((name) => imported[name] !== required[name]) }));`;
    expect(answer('mjs', code)).toEqual({ count: expect.any(Number) as number, others: [] });
    expect(answer('cjs', `console.log(Object.keys(require(${JSON.stringify(entry)})).length > 0)`)).toBe(true);
  });

  it('its entries share their classes with the whole', () => {
    const code = `
      import * as whole from 'freestone';
      const differing = [];
      for (const entry of ${JSON.stringify(entries)}) {
        for (const [name, value] of Object.entries(await import(entry))) if (whole[name] !== value) differing.push(entry + ' ' + name);
      }
      console.log(JSON.stringify(differing));`;
    expect(answer('mjs', code)).toEqual([]);
  });

  it('exports these names', () => {
    const code = `
      const names = {};
      for (const entry of ${JSON.stringify(entries)}) names[entry] = Object.keys(await import(entry)).sort();
      console.log(JSON.stringify(names));`;
    expect(answer('mjs', code)).toMatchSnapshot();
  });

  it('finds its binary and writes a file from CommonJS', () => {
    const code = `
      const { H5File } = require('freestone');
      (async () => {
        const file = await H5File.create('cjs.h5', { overwrite: true });
        await file.root.createDataset('x', { data: new Float64Array([1, 2, 3]) });
        await file.close();
        const again = await H5File.open('cjs.h5');
        console.log(JSON.stringify([...again.root.keys()]));
        await again.close();
      })();`;
    expect(answer('cjs', code)).toEqual(['x']);
  });

  it('has a command', () => {
    const command = join(user.project, 'node_modules', '.bin', 'freestone');
    expect(run(command, ['--version'], user.project)).toEqual({ status: 0, stdout: `${manifest.version}\n`, stderr: '' });
  });

  it('says which package to install when a CSV is to be imported without csv-parse', () => {
    writeFileSync(join(user.project, 'x.csv'), 'a,b\n1,2\n');
    const { status, stderr } = run(join(user.project, 'node_modules', '.bin', 'freestone'), ['import', 'x.csv', 'x.h5'], user.project);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: 'freestone import: CSV and TSV are read with the package csv-parse, which is not installed: npm install csv-parse@7\n',
    });
  });

  it.each([
    ['x.npz', '.npz files are read with the package yauzl, which is not installed: npm install yauzl@3'],
    ['x.arrow', 'Arrow files are read with the package apache-arrow, which is not installed: npm install apache-arrow'],
    ['x.parquet', 'Parquet files are read with the package hyparquet, which is not installed: npm install hyparquet hyparquet-compressors'],
  ])('says which package to install when %s is to be imported without it', (name, message) => {
    writeFileSync(join(user.project, name), 'PK');
    const { status, stderr } = run(join(user.project, 'node_modules', '.bin', 'freestone'), ['import', name, 'x.h5'], user.project);
    expect({ status, stderr }).toEqual({ status: 1, stderr: `freestone import: ${message}\n` });
  });

  it('says which package to install when metrics are asked for without prom-client, and the pool works on', () => {
    const code = `
      import { BufferPool } from 'freestone/buffers';
      const pool = new BufferPool();
      let said = null;
      try {
        pool.metrics({ registerMetric() {}, getSingleMetric() {} });
      } catch (error) {
        said = { code: error.code, package: error.package, message: error.message, cause: error.cause.code };
      }
      pool.release(pool.acquire(100));
      console.log(JSON.stringify({ ...said, live: pool.stats().live }));
      pool.close();`;
    expect(answer('mjs', code)).toEqual({
      code: 'ERR_NOT_FOUND',
      package: 'prom-client',
      message: 'metrics are reported by the package prom-client, which is not installed: npm install prom-client@15',
      cause: 'MODULE_NOT_FOUND',
      live: 0,
    });
  });

  it('its declarations check in a strict project, under ESM and CommonJS', () => {
    const code = [
      `import { H5File, FreestoneError, t, type Dataset } from 'freestone';`,
      `import { gzip } from 'freestone/hdf5';`,
      `export async function write(path: string): Promise<Dataset> {`,
      `  const file = await H5File.create(path);`,
      `  return file.root.createDataset('x', { dtype: t.compound({ a: 'int8' }), shape: [0], maxShape: [null], filters: [gzip()] });`,
      `}`,
      `export const code: string = new FreestoneError('ERR_CLOSED', 'x').code;`,
      `// @ts-expect-error there is no such type`,
      `export const wrong: Dataset = 'x';`,
    ].join('\n');
    writeFileSync(join(user.project, 'esm.mts'), code);
    writeFileSync(join(user.project, 'common.cts'), code);
    writeFileSync(
      join(user.project, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          strict: true, noEmit: true, skipLibCheck: false, target: 'ES2022', module: 'NodeNext', types: ['node'], typeRoots: [join(repository, 'node_modules', '@types')],
        },
        files: ['esm.mts', 'common.cts'],
      }),
    );
    const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
    expect(run(process.execPath, [tsc, '-p', '.'], user.project)).toMatchObject({ stdout: '', status: 0 });
  });

  it('passes publint', async () => {
    const { messages } = await publint({ pkgDir: user.installed, pack: false, strict: true });
    const pkg = JSON.parse(readFileSync(join(user.installed, 'package.json'), 'utf8')) as Record<string, unknown>;
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  it('passes attw for Node, where require() of ESM is what CommonJS users do', () => {
    const attw = join(dirname(createRequire(import.meta.url).resolve('@arethetypeswrong/cli/package.json')), 'dist', 'index.js');
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [attw, user.tarball, '--profile', 'node16', '--ignore-rules', 'cjs-resolves-to-esm', '--no-emoji', '--no-color', '--format', 'ascii'],
      { encoding: 'utf8' },
    );
    expect(status, stdout + stderr).toBe(0);
  });

  it('without a binary says what it looked for and how to build one', () => {
    const other = new InstalledPackage();
    try {
      rmSync(join(other.installed, 'prebuilds'), { recursive: true });
      const { status, stdout } = other.node(
        'mjs',
        `import { FreestoneError, H5File } from 'freestone';
        const error = await H5File.create('x.h5').catch((thrown) => thrown);
        console.log(JSON.stringify({ ours: error instanceof FreestoneError, code: error.code, message: error.message, platform: error.platform, tried: error.tried }));`,
      );
      expect(status).toBe(0);
      const { tried, message, ...rest } = JSON.parse(stdout) as { tried: string[]; message: string };
      const platform = `${process.platform}-${process.arch}`;
      expect(rest).toEqual({ ours: true, code: 'ERR_ADDON_NOT_FOUND', platform });
      expect(tried).toEqual([
        join(other.installed, 'build', 'Release', 'freestone.node'),
        expect.stringMatching(new RegExp(`prebuilds.${platform}.freestone\\.\\w+\\.node$`)),
      ]);
      for (const path of tried) expect(message).toContain(path);
      expect(message).toContain('npx node-gyp rebuild');
    } finally {
      other.remove();
    }
  });
});
