// Other mallocs, to be loaded before a program.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
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

/** rpmalloc as a shared object in `folder`. @param checkout of mjansson/rpmalloc */
export function buildRpmalloc(checkout, folder) {
  const source = resolve(checkout, 'rpmalloc', 'rpmalloc.c');
  if (!existsSync(source)) throw new UsageError(`--rpmalloc: no checkout of mjansson/rpmalloc in ${checkout}`);
  const library = join(folder, 'librpmalloc.so');
  const flags = ['-O3', '-fPIC', '-shared', '-w', '-DNDEBUG', '-DENABLE_PRELOAD=1', '-DENABLE_OVERRIDE=1'];
  if (run('cc', [...flags, '-o', library, source, '-lpthread', '-ldl']) !== 0) throw new Error('rpmalloc could not be built');
  return library;
}
