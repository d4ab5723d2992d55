// What must hold of every file that is written, whatever is in it.
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { isAvailable, run } from './readers.js';

const END_OF_FILE_AT = 28;

/** The end of the file as its superblock has it. */
export function endInSuperblock(path: string): number {
  const start = Buffer.alloc(48);
  const descriptor = openSync(path, 'r');
  readSync(descriptor, start, 0, start.length, 0);
  closeSync(descriptor);
  return Number(start.readBigUInt64LE(END_OF_FILE_AT));
}

/** What is wrong with a closed file: a size other than its superblock's, or a word of complaint from h5ls or h5stat. */
export function complaints(path: string): string[] {
  const found: string[] = [];
  const [size, end] = [statSync(path).size, endInSuperblock(path)];
  if (size !== end) found.push(`the superblock of ${path} has ${String(end)} as its end, the file ${String(size)} bytes`);
  for (const [reader, args] of [['h5ls', ['-r', path]], ['h5stat', [path]]] as const) {
    if (!isAvailable(reader)) continue;
    const { status, stderr } = run(reader, args);
    if (status !== 0 || stderr !== '') found.push(`${reader} ends with ${String(status)} for ${path}: ${stderr}`);
  }
  return found;
}
