// node warm.mjs <folder> <bytes of memory> <bytes of file> [<file to read> …]: makes what is measured next see a warm machine.
// On a virtual machine whose host takes back free pages, the first touch of a page costs more than the work that is measured, for
// memory and for the page cache separately. So this touches and gives back memory, and writes and removes a file, as a process of
// its own: in the process that is measured it would count as its peak memory.
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const [folder, memoryBytes, fileBytes, ...read] = process.argv.slice(2);
const PIECE = 64 * 2 ** 20;

const held = [];
for (let touched = 0; touched < Number(memoryBytes); touched += PIECE) held.push(Buffer.allocUnsafeSlow(PIECE).fill(1));

if (Number(fileBytes) > 0) {
  const path = join(folder, 'warm');
  const file = openSync(path, 'w');
  try {
    for (let written = 0; written < Number(fileBytes); ) written += writeSync(file, held[0], 0, 2 ** 20);
  } finally {
    closeSync(file);
    rmSync(path);
  }
}

for (const path of read) {
  const file = openSync(path, 'r');
  while (readSync(file, held[0]) > 0);
  closeSync(file);
}
