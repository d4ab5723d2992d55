// Runs ordinary programs on the slab heap as their malloc.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Ordinary programs whose every allocation goes through the slab heap must say what they say without it. */
const programs = [
  ['ls', ['-l', '/']],
  ['python3', ['-c', 'import json, threading\nt = [threading.Thread(target=lambda: [str(i) * 9 for i in range(20000)]) for _ in range(4)]\n[x.start() for x in t]\n[x.join() for x in t]\nprint(len(json.dumps([{"a": i} for i in range(100000)])))']],
  ['git', ['--version']],
  ['git', ['hash-object', 'package.json']],
  [process.execPath, ['-e', 'const { Worker } = require("node:worker_threads"); const { execSync } = require("node:child_process"); for (let i = 0; i < 3; i += 1) new Worker("let a = []; for (let i = 0; i < 1e5; i += 1) a.push(Buffer.alloc(100))", { eval: true }); console.log(String(execSync("echo child")), [...Array(1e5).keys()].map(String).join("").length)']],
];

/** @returns how many programs behaved otherwise */
export function runPreloaded(library) {
  let odd = 0;
  for (const [command, args] of programs) {
    const say = (env) => spawnSync(command, args, { cwd: root, encoding: 'utf8', env: { ...process.env, ...env } });
    const plain = say({});
    if (plain.error !== undefined) continue; // not installed
    const loaded = say({ LD_PRELOAD: library });
    const same = loaded.status === plain.status && loaded.stdout === plain.stdout && loaded.stderr === plain.stderr;
    console.log(`  ${same ? 'same' : 'NOT THE SAME'} with the slab heap as malloc: ${command} ${args[0]}`);
    if (!same) {
      console.error(loaded.signal ?? '', loaded.stderr);
      odd += 1;
    }
  }
  return odd;
}
