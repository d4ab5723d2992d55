// Builds the addon (build/Release/freestone.node) and the TypeScript (dist/).
//   node scripts/build.mjs              both, always
//   node scripts/build.mjs --if-stale   only what is missing or older than its inputs; silent when that is nothing
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const addon = join(root, 'build', 'Release', 'freestone.node');
const dist = join(root, 'dist');
const resolve = createRequire(import.meta.url).resolve;
const onlyStale = process.argv.includes('--if-stale');

function fail(message) {
  console.error(message);
  process.exit(1);
}

/** Every file below `folder`, absolute. */
function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

const modified = (file) => statSync(file).mtimeMs;
const newest = (files) => files.reduce((latest, file) => Math.max(latest, modified(file)), 0);

/** Runs one of Node's own tools; what it says is shown only when it fails. */
function run(what, script, args) {
  const { status, error, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status === 0) return;
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  fail(`${what} failed${error === undefined ? '' : `: ${error.message}`}`);
}

const answers = (command, args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** Whether `compiler` takes C++20 with its library, tried on a file because a version number does not say. */
function compilesCxx20(compiler) {
  const folder = mkdtempSync(join(tmpdir(), 'freestone-compiler-'));
  try {
    const source = join(folder, 'probe.cc');
    writeFileSync(source, '#include <bit>\n#include <span>\nint main() { return std::popcount(0u); }\n');
    return answers(compiler, ['-std=c++20', '-fsyntax-only', source]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** node-gyp's own messages for these are pages long, so they are looked for first. Windows finds its tools in ways of its own. */
function checkTools() {
  if (process.platform === 'win32') return;
  const compiler = process.env.CXX?.split(' ')[0] || (answers('c++', ['--version']) ? 'c++' : 'g++');
  const missing = [];
  if (!answers(process.env.PYTHON || 'python3', ['--version'])) missing.push({ tool: 'python3', debian: 'python3' });
  if (!answers('make', ['--version'])) missing.push({ tool: 'make', debian: 'make' });
  if (!compilesCxx20(compiler)) missing.push({ tool: `a compiler for C++20 (${compiler} is not one)`, debian: 'g++' });
  if (missing.length === 0) return;
  const install =
    process.platform === 'darwin'
      ? 'xcode-select --install'
      : `apt-get install ${missing.map(({ debian }) => debian).join(' ')}    (Debian 12, Ubuntu 22.04 and later)`;
  fail(`The addon cannot be built: missing ${missing.map(({ tool }) => tool).join(', ')}.\n  ${install}`);
}

function addonIsStale() {
  if (!existsSync(addon)) return true;
  const inputs = filesBelow(join(root, 'native')).filter((file) => extname(file) !== '.md');
  return newest([...inputs, join(root, 'binding.gyp')]) > modified(addon);
}

function buildAddon() {
  checkTools();
  console.log('building the addon …');
  // A Node that was unpacked or installed whole has its headers beside it; without them node-gyp downloads them.
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];
  run('building the addon', resolve('node-gyp/bin/node-gyp.js'), ['configure', 'build', '-j', 'max', ...headers]);
  // make leaves the addon alone when an input changed that it does not hold, and it would count as stale for ever.
  const now = new Date();
  utimesSync(addon, now, now);
}

const typescriptInputs = () => [...filesBelow(join(root, 'lib')), join(root, 'tsconfig.json')];
const compiled = (source) => join(dist, relative(join(root, 'lib'), source).replace(/\.ts$/, '.js'));

function distIsStale() {
  const inputs = typescriptInputs();
  const outputs = inputs.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts')).map(compiled);
  return !outputs.every(existsSync) || newest(inputs) > Math.min(...outputs.map(modified));
}

function buildTypeScript() {
  console.log('compiling TypeScript …');
  run('compiling TypeScript', resolve('typescript/bin/tsc'), ['-p', 'tsconfig.json', '--pretty', String(process.stderr.isTTY === true)]);
  // What no longer has a source would still be packed and imported.
  const sources = new Set(filesBelow(join(root, 'lib')).map((file) => relative(join(root, 'lib'), file)));
  for (const file of filesBelow(dist)) {
    const source = relative(dist, file).replace(/(\.d\.ts|\.js)(\.map)?$/, '.ts');
    if (!sources.has(source)) rmSync(file);
  }
  const command = join(dist, 'cli', 'main.js');
  if (existsSync(command)) chmodSync(command, 0o755);
}

if (!onlyStale || addonIsStale()) buildAddon();
if (!onlyStale || distIsStale()) buildTypeScript();
