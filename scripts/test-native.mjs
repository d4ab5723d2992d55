// Builds and runs the native tests: `npm run test:native [-- plain|asan|tsan|all|valgrind]`.
// They are `core_tests` of binding.gyp, a program without Node, in a build directory of their own per sanitizer.
import { spawnSync } from 'node:child_process';
import { runPreloaded } from './preloaded.mjs';
import { buildNative, run } from './native-build.mjs';

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

/** The tests of pool and arena under memcheck, a fiftieth as long: it runs one thread at a time and each instruction many times over. */
function runUnderValgrind() {
  if (spawnSync('valgrind', ['--version'], { stdio: 'ignore' }).status !== 0) fail('this needs valgrind; on Debian and Ubuntu: apt install valgrind');
  const tests = buildNative('plain', 'core_tests', { build_tests: 1, sanitize: '' });
  if (tests === undefined) fail('building the native tests failed');
  const options = ['--quiet', '--error-exitcode=9', '--leak-check=full', '--errors-for-leak-kinds=definite', '--fair-sched=yes'];
  const env = { FREESTONE_TEST_LENGTH: '0.02', ...process.env };
  return run('valgrind', [...options, tests, '--source-file=*/native/pool/*,*/native/arena/*'], { env });
}


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

const wanted = process.argv[2] ?? 'plain';
const names = wanted === 'all' ? Object.keys(variants) : [wanted];
if (process.platform === 'win32') fail('the native tests need a POSIX system');
if (wanted !== 'valgrind' && names.some((name) => !(name in variants))) fail(`usage: npm run test:native [-- ${Object.keys(variants).join('|')}|all|valgrind]`);
for (const [header, debian] of [['doctest/doctest.h', 'doctest-dev'], ['zlib.h', 'zlib1g-dev']]) {
  if (!hasHeader(header)) fail(`the native tests need <${header}>; on Debian and Ubuntu: apt install ${debian}`);
}

let failed = wanted === 'valgrind' && runUnderValgrind() !== 0;
for (const name of wanted === 'valgrind' ? [] : names) {
  console.log(`native tests, ${name}:`);
  const tests = buildNative(name, 'core_tests', { build_tests: 1, sanitize: variants[name].sanitize });
  if (tests === undefined) fail(`building the native tests (${name}) failed`);
  const result = run(tests, [], { env: { ...process.env, ...variants[name].env } });
  if (result !== 0) {
    console.error(`native tests, ${name}: failed (${result})`);
    failed = true;
  }
  if (name !== 'plain' || process.platform !== 'linux') continue;
  const library = buildNative(name, 'freestone_malloc', { build_tests: 1, sanitize: '' });
  if (library === undefined) fail('building the slab heap as malloc failed');
  if (runPreloaded(`${library}.so`) > 0) failed = true;
}
process.exitCode = failed ? 1 : 0;
