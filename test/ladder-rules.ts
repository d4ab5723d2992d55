// Which tier may use which, as DESIGN.md draws the ladder, and the check of one source against it. Pure: strings in, complaints out.
import { posix } from 'node:path';

/** A tier's ladder: every tier that it may use, besides itself. */
type Ladder = Readonly<Record<string, readonly string[]>>;

/** Closes "stands directly on" over all the tiers further down. */
function closed(direct: Ladder): Ladder {
  const below = (tier: string): string[] => (direct[tier] ?? []).flatMap((next) => [next, ...below(next)]);
  return Object.fromEntries(Object.keys(direct).map((tier) => [tier, [...new Set(below(tier))]]));
}

const nativeTiers = closed({
  base: [],
  os: ['base'],
  frames: ['os'],
  pool: ['frames'],
  arena: ['pool'],
  slab: ['frames'],
  filespace: ['base'],
  pipeline: ['os', 'frames', 'arena', 'filespace'],
  buffers: ['slab'],
  bind: ['buffers', 'pipeline'],
});

// native.ts and errors.ts are single files and their own doors; every other tier is a folder whose door is index.ts.
const libTiers = closed({
  errors: [],
  native: ['errors'],
  frames: ['native'],
  pool: ['frames'],
  arena: ['pool'],
  slab: ['frames'],
  buffers: ['slab', 'arena'],
  extents: ['errors'],
  filespace: ['native'],
  hdf5: ['filespace', 'buffers'],
  placement: ['hdf5', 'extents'],
  import: ['placement'],
  cli: ['import'],
});

/** lib/hdf5's own folders: those that each must not import. `format` is bytes and plain objects only. */
const hdf5Folders: Ladder = {
  format: ['storage', 'commit', 'model'],
  storage: ['model'],
};

const nodeHeader = /^(napi[.-]|napi\.h$|node|uv\.h$|uv\/|v8)/;

/** The headers that a C++ source names, quoted and angled. */
export function includesOf(source: string): { path: string; quoted: boolean }[] {
  return [...source.matchAll(/^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]/gm)].map(([, mark, path]) => ({
    path: path ?? '',
    quoted: mark === '"',
  }));
}

/** The modules that a TypeScript source names: import and export … from, import(), for side effects, as types. */
export function importsOf(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^[ \t]*\/\/.*$/gm, '');
  return [...code.matchAll(/(?:\bfrom\s*|\bimport\s*\(\s*|^[ \t]*import\s+)(['"])([^'"\n]+)\1/gm)].map(([, , path]) => path ?? '');
}

/**
 * What is wrong with the includes of one C++ file.
 * @param file its path below native/, such as `frames/buddy.cc`
 */
export function nativeComplaints(file: string, source: string): string[] {
  const tier = file.split('/')[0] ?? '';
  const below = nativeTiers[tier];
  if (below === undefined) return [`native/${file}: ${tier} is no tier of the ladder`];
  return includesOf(source).flatMap(({ path, quoted }) => {
    const edge = `native/${file} includes ${path}`;
    if (nodeHeader.test(path)) return tier === 'bind' ? [] : [`${edge}: only bind knows Node`];
    if (!quoted) return [];
    const target = path.split('/')[0] ?? '';
    if (!path.includes('/') || target === tier) return [];
    if (nativeTiers[target] === undefined) return [`${edge}: ${target} is no tier of the ladder`];
    if (!below.includes(target)) return [`${edge}: ${target} is not below ${tier}`];
    return path === `${target}/${target}.h` ? [] : [`${edge}: the door is ${target}/${target}.h`];
  });
}

/**
 * What is wrong with the imports of one TypeScript file.
 * @param file its path below lib/, such as `hdf5/format/superblock.ts`
 */
export function libComplaints(file: string, source: string): string[] {
  const folders = file.split('/').slice(0, -1);
  const tier = folders[0] ?? file.replace(/\.ts$/, '');
  // The package's own doors (lib/index.ts, lib/memory.ts …) re-export tiers and may name each of them.
  const isEntry = folders.length === 0 && libTiers[tier] === undefined;
  const below = isEntry ? Object.keys(libTiers) : libTiers[tier];
  if (below === undefined) return [`lib/${file}: ${tier} is no tier of the ladder`];
  const inFormat = tier === 'hdf5' && folders[1] === 'format';
  return importsOf(source).flatMap((path) => {
    const edge = `lib/${file} imports ${path}`;
    if (!path.startsWith('.')) {
      if (tier === 'extents') return [`${edge}: extents imports errors.ts and nothing else`];
      return inFormat && /^(node:)?fs(\/|$)/.test(path) ? [`${edge}: format does no I/O`] : [];
    }
    const target = posix.join(posix.dirname(file), path).replace(/\.js$/, '.ts');
    if (target.startsWith('..')) return [`${edge}: outside lib`];
    const targetTier = target.split('/')[0]?.replace(/\.ts$/, '') ?? '';
    if (targetTier === tier) {
      const [from = '', to = ''] = [folders[1], target.split('/')[1]];
      return tier === 'hdf5' && hdf5Folders[from]?.includes(to) ? [`${edge}: hdf5/${from} does not use hdf5/${to}`] : [];
    }
    if (inFormat && targetTier === 'native') return [`${edge}: format does no I/O`];
    if (libTiers[targetTier] === undefined) return [`${edge}: ${targetTier} is no tier of the ladder`];
    if (!below.includes(targetTier)) return [`${edge}: ${targetTier} is not below ${tier}`];
    const door = targetTier === 'native' || targetTier === 'errors' ? `${targetTier}.ts` : `${targetTier}/index.ts`;
    return target === door ? [] : [`${edge}: the door is lib/${door}`];
  });
}
