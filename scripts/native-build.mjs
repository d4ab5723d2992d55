// Builds the stand-alone executables of binding.gyp, those without Node.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const buildRoot = join(root, 'build-native');

/** The exit status of a command, or the name of the signal that ended it. */
export function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (error !== undefined) {
    console.error(`${command}: ${error.message}`);
    return -1;
  }
  return signal === null ? status : signal;
}

/**
 * node-gyp always builds into `build` under the directory that has the binding.gyp. A directory with a copy of it and links to the
 * sources therefore keeps a variant apart from the addon's build and from the other variants.
 */
function prepareDirectory(name) {
  const directory = join(buildRoot, name);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(buildRoot, '.gitignore'), '*\n');
  copyFileSync(join(root, 'binding.gyp'), join(directory, 'binding.gyp'));
  for (const source of ['native', 'test', 'bench', 'node_modules', 'package.json']) {
    const link = join(directory, source);
    if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) rmSync(link);
    symlinkSync(join(root, source), link);
  }
  return directory;
}

/**
 * Builds `target` with gyp's `variables` in the directory of that name.
 * @returns the path of the executable, or undefined when building failed and has said why
 */
export function buildNative(name, target, variables, options = {}) {
  const directory = prepareDirectory(name);
  const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  // Node's own headers where they are installed with it; otherwise node-gyp finds or downloads them.
  const prefix = dirname(dirname(process.execPath));
  const nodedir = existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];
  const defines = Object.entries(variables).map(([variable, value]) => `-D${variable}=${value}`);
  const configured = run(process.execPath, [nodeGyp, 'configure', '--loglevel=warn', ...nodedir, '--', ...defines], { cwd: directory, ...options });
  if (configured !== 0) return undefined;
  if (run('make', ['-C', join(directory, 'build'), 'BUILDTYPE=Release', '--silent', '-j2', target], options) !== 0) return undefined;
  return join(directory, 'build', 'Release', target);
}
