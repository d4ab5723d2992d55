// The package as a user gets it: packed, with this machine's binary in place of the prebuilt ones, and installed into an empty project.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../..', import.meta.url)).replace(/[/\\]$/, '');

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What npm tells the scripts that it runs must not reach the npm that a test runs. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle|command|execpath)/.test(name)));
}

export function run(command: string, args: readonly string[], cwd: string): Outcome {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', env: cleanEnvironment() });
  if (error !== undefined) throw error;
  return { status, stdout, stderr };
}

function npm(args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = run('npm', args, cwd);
  if (status !== 0) throw new Error(`npm ${args.join(' ')} ends with ${String(status)}: ${stderr}`);
  return stdout;
}

/** The name that prebuildify gives to this machine's binary. */
function prebuiltPath(): string {
  const report = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  const isMusl = process.platform === 'linux' && report.header.glibcVersionRuntime === undefined;
  return join('prebuilds', `${process.platform}-${process.arch}`, `freestone.${isMusl ? 'musl' : 'glibc'}.node`);
}

export class InstalledPackage {
  readonly #folder = mkdtempSync(join(tmpdir(), 'freestone-package-'));
  /** An empty project that depends on the package and nothing else. */
  readonly project = join(this.#folder, 'project');
  /** The package in it. */
  readonly installed = join(this.project, 'node_modules', 'freestone');
  readonly tarball: string;
  /** What `npm pack` put into it. */
  readonly files: readonly string[];

  constructor() {
    const stage = join(this.#folder, 'stage');
    mkdirSync(stage);
    const { files } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { files: string[] };
    for (const name of ['package.json', 'README.md', 'LICENSE', ...files]) {
      if (name !== 'prebuilds' && existsSync(join(repository, name))) cpSync(join(repository, name), join(stage, name), { recursive: true });
    }
    const binary = join(stage, prebuiltPath());
    cpSync(join(repository, 'build', 'Release', 'freestone.node'), binary);
    // As `prebuildify --strip` does; without strip the binary is larger and names the files that it was built from.
    if (process.platform === 'linux') run('strip', ['--strip-unneeded', binary], stage);
    const [packed] = JSON.parse(npm(['pack', '--json', '--ignore-scripts', '--pack-destination', this.#folder], stage)) as [
      { filename: string; files: { path: string }[] },
    ];
    this.tarball = join(this.#folder, packed.filename);
    this.files = packed.files.map(({ path }) => path);
    mkdirSync(this.project);
    writeFileSync(join(this.project, 'package.json'), '{ "name": "user", "private": true }');
    npm(['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', this.tarball], this.project);
  }

  /** Runs a module in the project. @param kind `mjs` is ESM, `cjs` CommonJS */
  node(kind: 'mjs' | 'cjs', code: string): Outcome {
    const path = join(this.project, `script.${kind}`);
    writeFileSync(path, code);
    return run(process.execPath, [path], this.project);
  }

  /** The content of every installed file. */
  contents(): { path: string; content: Buffer }[] {
    return readdirSync(this.installed, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => ({ path: path.slice(this.installed.length + 1), content: readFileSync(path) }));
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
