import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { importsOf, includesOf, libComplaints, nativeComplaints } from './ladder-rules.js';

const root = fileURLToPath(new URL('..', import.meta.url));

function sources(folder: string, ending: RegExp): { file: string; text: string }[] {
  const base = join(root, folder);
  if (!existsSync(base)) return [];
  return readdirSync(base, { recursive: true, encoding: 'utf8' })
    .filter((file) => ending.test(file))
    .map((file) => ({ file: file.replaceAll('\\', '/'), text: readFileSync(join(base, file), 'utf8') }));
}

describe('the ladder', () => {
  it('no include under native goes up or sideways, past a door, or to Node outside bind', () => {
    const files = sources('native', /\.(h|cc)$/);
    expect(files.length).toBeGreaterThan(0);
    expect(files.flatMap(({ file, text }) => nativeComplaints(file, text))).toEqual([]);
  });

  it('no import under lib goes up or sideways, or past a door', () => {
    const files = sources('lib', /\.ts$/);
    expect(files.length).toBeGreaterThan(0);
    expect(files.flatMap(({ file, text }) => libComplaints(file, text))).toEqual([]);
  });
});

describe('the check itself', () => {
  it.each([
    ['frames/buddy.cc', '#include "pool/pool.h"', 'pool is not below frames'],
    ['pool/heap.h', '#include "slab/slab.h"', 'slab is not below pool'],
    ['filespace/sections.cc', '  #  include "os/os.h"', 'os is not below filespace'],
    ['pool/heap.h', '#include "frames/buddy.h"', 'the door is frames/frames.h'],
    ['os/linux.cc', '#include <napi.h>', 'only bind knows Node'],
    ['pipeline/worker.cc', '#include "node_api.h"', 'only bind knows Node'],
    ['pipeline/worker.cc', '#include <uv.h>', 'only bind knows Node'],
    ['misc/thing.h', '', 'misc is no tier of the ladder'],
    ['base/bits.h', '#include "misc/thing.h"', 'misc is no tier of the ladder'],
  ])('flags in native/%s the line %s', (file, line, complaint) => {
    expect(nativeComplaints(file, `#pragma once\n${line}\n`).join()).toContain(complaint);
  });

  it.each([
    ['frames/frame-allocator.ts', `import { Pool } from '../pool/index.js';`, 'pool is not below frames'],
    ['filespace/index.ts', `export * from '../hdf5/index.js';`, 'hdf5 is not below filespace'],
    ['slab/heap.ts', `const { Arena } = await import('../arena/index.js');`, 'arena is not below slab'],
    ['hdf5/model/group.ts', `import { FileSpace } from '../../filespace/file-space.js';`, 'the door is lib/filespace/index.ts'],
    ['hdf5/model/group.ts', `import type { Run } from '../../import/index.js';`, 'import is not below hdf5'],
    ['extents/allocate.ts', `import { native } from '../native.js';`, 'native is not below extents'],
    ['extents/allocate.ts', `import { join } from 'node:path';`, 'errors.ts and nothing else'],
    ['errors.ts', `import './native.js';`, 'native is not below errors'],
    ['hdf5/format/superblock.ts', `import { open } from 'node:fs/promises';`, 'format does no I/O'],
    ['hdf5/format/superblock.ts', `import { native } from '../../native.js';`, 'format does no I/O'],
    ['hdf5/format/superblock.ts', `import { Chunks } from '../storage/chunked.js';`, 'hdf5/format does not use hdf5/storage'],
    ['hdf5/storage/chunked.ts', `import { Dataset } from '../model/dataset.js';`, 'hdf5/storage does not use hdf5/model'],
    ['cli/ls.ts', `import { open } from '../../native/bind.js';`, 'outside lib'],
    ['index.ts', `export * from './hdf5/model/file.js';`, 'the door is lib/hdf5/index.ts'],
    ['tools/x.ts', '', 'tools is no tier of the ladder'],
  ])('flags in lib/%s the line %s', (file, line, complaint) => {
    expect(libComplaints(file, `${line}\n`).join()).toContain(complaint);
  });

  it('passes what the ladder allows', () => {
    expect(nativeComplaints('pipeline/worker.cc', '#include <thread>\n#include "worker.h"\n#include "os/os.h"\n#include "pipeline/queue.h"\n')).toEqual([]);
    expect(nativeComplaints('bind/addon.cc', '#include <napi.h>\n#include "pipeline/pipeline.h"\n')).toEqual([]);
    expect(libComplaints('cli/import.ts', `import { importFiles } from '../import/index.js';\nimport { FreestoneError } from '../errors.js';\n`)).toEqual([]);
    expect(libComplaints('hdf5/model/file.ts', `import { decode } from '../format/superblock.js';\nimport { FileSpace } from '../../filespace/index.js';\n`)).toEqual([]);
    expect(libComplaints('index.ts', `export * from './hdf5/index.js';\n`)).toEqual([]);
  });

  it('reads an import that spans lines and leaves comments alone', () => {
    expect(importsOf(`import {\n  a,\n  b,\n} from '../one.js';\n// import { c } from '../two.js';\n/* from '../three.js' */\nimport type { d } from "./four.js";\nexport * from './five.js';\n`)).toEqual([
      '../one.js',
      './four.js',
      './five.js',
    ]);
    expect(includesOf('#include <bit>\n// #include "x.h"\n#include "a/a.h"  // why\n')).toEqual([
      { path: 'bit', quoted: false },
      { path: 'a/a.h', quoted: true },
    ]);
  });
});
