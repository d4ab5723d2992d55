// Other mallocs, to be loaded before a program.
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../../scripts/native-build.mjs';
import { UsageError } from './usage-error.mjs';

const FOLDERS = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'];

function installed(...names) {
  return FOLDERS.flatMap((folder) => names.map((name) => join(folder, name))).find(existsSync);
}

/** Where Debian's packages libmimalloc-dev, libgoogle-perftools-dev and libjemalloc-dev put them; undefined: not installed. */
export function installedMallocs() {
  return {
    mimalloc: installed('libmimalloc.so', 'libmimalloc.so.2'),
    tcmalloc: installed('libtcmalloc_minimal.so', 'libtcmalloc_minimal.so.4'),
    jemalloc: installed('libjemalloc.so', 'libjemalloc.so.2'),
  };
}

/** snmalloc as a shared object in `folder`. @param checkout of microsoft/snmalloc */
export function buildSnmalloc(checkout, folder) {
  const sources = ['new.cc', 'malloc.cc'].map((name) => resolve(checkout, 'src', 'snmalloc', 'override', name));
  if (!sources.every(existsSync)) throw new UsageError(`--snmalloc: no checkout of microsoft/snmalloc in ${checkout}`);
  const library = join(folder, 'libsnmalloc.so');
  const flags = ['-O3', '-std=c++20', '-fPIC', '-shared', '-w', '-DNDEBUG', '-DSNMALLOC_USE_WAIT_ON_ADDRESS=1', '-mcx16', '-fno-rtti', '-ftls-model=initial-exec', `-I${resolve(checkout, 'src')}`];
  if (run('c++', [...flags, '-o', library, ...sources, '-lpthread', '-latomic']) !== 0) throw new Error('snmalloc could not be built');
  return library;
}

/** bench/native/bumpalo.rs as a program in `folder`. @param checkout of fitzgen/bumpalo */
export function buildBumpalo(checkout, folder) {
  if (!existsSync(resolve(checkout, 'src', 'lib.rs'))) throw new UsageError(`--bumpalo: no checkout of fitzgen/bumpalo in ${checkout}`);
  const source = (path) => ['--edition=2021', '-Copt-level=3', '-Ctarget-cpu=native', '-Awarnings', path];
  const library = join(folder, 'libbumpalo.rlib');
  const program = join(folder, 'bumpalo');
  const main = join(dirname(fileURLToPath(import.meta.url)), '..', 'native', 'bumpalo.rs');
  const built =
    run('rustc', [...source(resolve(checkout, 'src', 'lib.rs')), '--crate-type=rlib', '--crate-name=bumpalo', '-o', library]) === 0 &&
    run('rustc', [...source(main), '--extern', `bumpalo=${library}`, '-o', program]) === 0;
  if (!built) throw new Error('bumpalo could not be built; it needs rustc 1.91 or newer');
  return program;
}

/** rpmalloc as a shared object in `folder`. @param checkout of mjansson/rpmalloc */
export function buildRpmalloc(checkout, folder) {
  const source = resolve(checkout, 'rpmalloc', 'rpmalloc.c');
  if (!existsSync(source)) throw new UsageError(`--rpmalloc: no checkout of mjansson/rpmalloc in ${checkout}`);
  const library = join(folder, 'librpmalloc.so');
  const flags = ['-O3', '-fPIC', '-shared', '-w', '-DNDEBUG', '-DENABLE_PRELOAD=1', '-DENABLE_OVERRIDE=1'];
  if (run('cc', [...flags, '-o', library, source, '-lpthread', '-ldl']) !== 0) throw new Error('rpmalloc could not be built');
  return library;
}
