// The library as JavaScript, for processes and worker threads of a test's own, which vitest does not serve with TypeScript.
// Compiled from lib/ as it is now: dist/ may be older.
import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));
const ground = ['lib/errors.ts', 'lib/native.ts'];

function filesBelow(path: string): string[] {
  if (path.endsWith('.ts')) return [path];
  return readdirSync(join(root, path), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(path, name));
}

/**
 * Compiles tiers of lib/ and the scripts of a `children` folder into `folder`, which must be new.
 * @returns gives the path of a compiled script by its name in `children`
 */
export function compileInto(
  folder: string,
  tiers: readonly string[] = ['lib/filespace', 'lib/hdf5'],
  children = 'test/hdf5/children',
): (child: string) => string {
  for (const source of [...ground, ...tiers, children].flatMap(filesBelow)) {
    const target = join(folder, source.replace(/\.ts$/, '.js'));
    const { outputText } = ts.transpileModule(readFileSync(join(root, source), 'utf8'), {
      fileName: source,
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
    });
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, outputText);
  }
  // Where lib/native.ts looks for the addon, and for the package that loads it.
  for (const name of ['build', 'node_modules']) symlinkSync(join(root, name), join(folder, name));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  return (child) => join(folder, children, `${child}.js`);
}
