// Checks the layout of the C++ sources against .clang-format; changes nothing.
//   FREESTONE_REQUIRE_TOOLS=1   a missing clang-format is a failure
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

if (spawnSync('clang-format', ['--version'], { stdio: 'ignore' }).status !== 0) {
  console.error('clang-format is not installed (Debian: apt-get install clang-format); the layout of the C++ was not checked');
  process.exit(process.env.FREESTONE_REQUIRE_TOOLS === '1' ? 1 : 0);
}

const sources = ['native', 'test/native'].filter((folder) => existsSync(join(root, folder))).flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(h|cc)$/.test(name))
    .map((name) => join(folder, name)),
);
if (sources.length === 0) process.exit(0);
process.exit(spawnSync('clang-format', ['--dry-run', '-Werror', ...sources], { cwd: root, stdio: 'inherit' }).status ?? 1);
