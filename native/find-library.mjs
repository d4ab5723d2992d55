// Says whether a build can have a compressor's library, for binding.gyp: prints 1 or 0.
//   node native/find-library.mjs <libdeflate|lz4|zstd> [system|none]
// Tried with the compiler itself, because a package's files may be anywhere. Archives alone are taken, so that what is built
// needs nothing installed where it runs.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const probes = {
  libdeflate: {
    // The name appeared together with everything that is used of it.
    source: '#include <libdeflate.h>\nextern "C" void* probe() { return libdeflate_alloc_compressor(6); }\n',
    libraries: ['-l:libdeflate.a'],
  },
  lz4: { source: '#include <lz4.h>\nextern "C" int probe() { return LZ4_compressBound(1); }\n', libraries: ['-l:liblz4.a'] },
  zstd: {
    source: '#include <zstd.h>\n#include <zstd_errors.h>\nextern "C" void* probe() { return ZSTD_createCCtx(); }\n',
    libraries: ['-l:libzstd.a'],
  },
};

function isThere({ source, libraries }) {
  const folder = mkdtempSync(join(tmpdir(), 'freestone-library-'));
  try {
    const file = join(folder, 'probe.cc');
    writeFileSync(file, source);
    const [command, ...flags] = (process.env.CXX || 'c++').split(' ');
    // The addon is linked so too; without it the archives' own calls of each other would be those of whoever has the same names.
    const args = [...flags, '-shared', '-fPIC', '-Wl,--exclude-libs,ALL', file, ...libraries, '-o', join(folder, 'probe.so')];
    return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [name, choice = 'system'] = process.argv.slice(2);
const probe = probes[name];
if (probe === undefined || !['system', 'none'].includes(choice)) {
  console.error(`usage: node native/find-library.mjs <${Object.keys(probes).join('|')}> [system|none]`);
  process.exit(2);
}
// Linkers elsewhere do not know how to ask for an archive.
console.log(choice === 'system' && process.platform === 'linux' && isThere(probe) ? 1 : 0);
