// Builds and runs the native tests: `npm run test:native [-- plain|asan|tsan|all]`.
// They are `core_tests` of binding.gyp, a program without Node, in a build directory of their own per sanitizer.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const buildRoot = join(root, 'build-native');

/** What each variant compiles with, and what its run is told. */
const variants = {
  plain: { sanitize: '', env: {} },
  asan: {
    sanitize: 'address,undefined',
    // Tests ask for more memory than there is, and want a null pointer then.
    env: { ASAN_OPTIONS: 'allocator_may_return_null=1:detect_stack_use_after_return=1', UBSAN_OPTIONS: 'print_stacktrace=1' },
  },
  tsan: { sanitize: 'thread', env: { TSAN_OPTIONS: 'allocator_may_return_null=1:halt_on_error=1' } },
};

function fail(message) {
  console.error(message);
  process.exit(1);
}

/** Whether the compiler finds a header. Asking the preprocessor, because headers may be anywhere. */
function hasHeader(header) {
  const compiler = process.env.CXX ?? 'c++';
  const [command, ...flags] = compiler.split(' ');
  const { status, error } = spawnSync(command, [...flags, '-E', '-x', 'c++', '-'], { input: `#include <${header}>\n`, stdio: 'pipe' });
  if (error !== undefined) fail(`the native tests need a C++20 compiler; '${compiler}' could not be run (${error.message})`);
  return status === 0;
}

function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (error !== undefined) fail(`${command}: ${error.message}`);
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
  for (const source of ['native', 'test', 'node_modules', 'package.json']) {
    const link = join(directory, source);
    if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) rmSync(link);
    symlinkSync(join(root, source), link);
  }
  return directory;
}

function build(name) {
  const directory = prepareDirectory(name);
  const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  // Node's own headers where they are installed with it; otherwise node-gyp finds or downloads them.
  const prefix = dirname(dirname(process.execPath));
  const nodedir = existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];
  const gyp = (command, ...rest) => run(process.execPath, [nodeGyp, command, '--loglevel=warn', ...nodedir, ...rest], { cwd: directory });
  const configured = gyp('configure', '--', '-Dbuild_tests=1', `-Dsanitize=${variants[name].sanitize}`);
  if (configured !== 0) return configured;
  return run('make', ['-C', join(directory, 'build'), 'BUILDTYPE=Release', '--silent', '-j2', 'core_tests']);
}

const wanted = process.argv[2] ?? 'plain';
const names = wanted === 'all' ? Object.keys(variants) : [wanted];
if (process.platform === 'win32') fail('the native tests need a POSIX system');
if (names.some((name) => !(name in variants))) fail(`usage: npm run test:native [-- ${Object.keys(variants).join('|')}|all]`);
for (const [header, debian] of [['doctest/doctest.h', 'doctest-dev'], ['zlib.h', 'zlib1g-dev']]) {
  if (!hasHeader(header)) fail(`the native tests need <${header}>; on Debian and Ubuntu: apt install ${debian}`);
}

let failed = false;
for (const name of names) {
  console.log(`native tests, ${name}:`);
  const built = build(name);
  if (built !== 0) fail(`building the native tests (${name}) failed`);
  const tests = join(buildRoot, name, 'build', 'Release', 'core_tests');
  const result = run(tests, [], { env: { ...process.env, ...variants[name].env } });
  if (result !== 0) {
    console.error(`native tests, ${name}: failed (${result})`);
    failed = true;
  }
}
process.exitCode = failed ? 1 : 0;
