// The readers that nobody here wrote. A test that needs one that is not installed is skipped and says so; with
// FREESTONE_REQUIRE_INTEROP=1 it fails instead, so that a build machine cannot pass by lacking them.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';

export type Reader = 'h5dump' | 'h5ls' | 'h5stat' | 'h5py' | 'zstd' | keyof typeof plugins;

/** libhdf5's plug-ins, by the numbers of their filters. */
const plugins = { 'the lz4 plug-in': 32004, 'the bitshuffle plug-in': 32008 } as const;

const hasModule = (command: string, module: string): boolean =>
  spawnSync(command, ['-c', `import ${module}`], { stdio: 'ignore' }).status === 0;

// Debian's packages serve the system's own Python, which need not be the first one on the path.
const python = ['python3', '/usr/bin/python3'].find((command) => hasModule(command, 'h5py'));

const debianPackages: Readonly<Record<Reader, string>> = {
  h5dump: 'hdf5-tools',
  h5ls: 'hdf5-tools',
  h5stat: 'hdf5-tools',
  h5py: 'python3-h5py',
  zstd: 'zstd',
  'the lz4 plug-in': 'hdf5-filter-plugin',
  'the bitshuffle plug-in': 'bitshuffle',
};

const available = new Map<Reader, boolean>();

export function isAvailable(reader: Reader): boolean {
  let found = available.get(reader);
  if (found === undefined) {
    const plugin = plugins[reader as keyof typeof plugins] as number | undefined;
    if (reader === 'h5py') found = python !== undefined;
    else if (plugin === undefined) found = spawnSync(reader, ['--version'], { stdio: 'ignore' }).status === 0;
    else found = python !== undefined && spawnSync(python, ['-c', `import h5py, sys; sys.exit(not h5py.h5z.filter_avail(${String(plugin)}))`]).status === 0;
    available.set(reader, found);
  }
  return found;
}

const required = process.env['FREESTONE_REQUIRE_INTEROP'] === '1';

/** A `describe` whose tests need these readers. */
export function describeWith(readers: readonly Reader[], name: string, body: () => void): void {
  const missing = readers.filter((reader) => !isAvailable(reader));
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  const packages = [...new Set(missing.map((reader) => debianPackages[reader]))];
  const reason = `${missing.join(' and ')} not installed (Debian: apt-get install ${packages.join(' ')})`;
  if (required) {
    describe(name, () => {
      it(`has ${missing.join(' and ')} to check with`, () => {
        throw new Error(reason);
      });
    });
    return;
  }
  console.warn(`skipped: ${name}: ${reason}`);
  describe.skipIf(true)(name, body);
}

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a reader's program to its end. */
export function run(command: string, args: readonly string[], input = ''): Outcome {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 29,
    // Messages are compared, and h5py would write its files' locks where the suite runs on a network file system.
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (error !== undefined) throw error;
  return { status, stdout, stderr };
}

/** Runs one of this folder's Python scripts under a Python that has h5py. */
export function runPython(script: string, args: readonly string[], input = ''): string {
  if (python === undefined) throw new Error('there is no Python with h5py');
  const { status, stdout, stderr } = run(python, [fileURLToPath(new URL(script, import.meta.url)), ...args], input);
  if (status !== 0) throw new Error(`${script} failed with status ${String(status)}: ${stderr}`);
  return stdout;
}
