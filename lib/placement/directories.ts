// Directories on several disks as sources: an extent is a run of bytes of one data file in the directory.
import { stat, statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { FreestoneError, checkInteger, checkOptions, shown } from '../errors.js';
import type { Source } from '../extents/index.js';

/** A directory that data may be put into. */
export interface Directory {
  readonly path: string;
  /** Names that placement looks at, such as `rack=a`; `device=…` is added unless there is one. */
  readonly tags?: readonly string[];
  /** Bytes that may be used; what the file system has free for this user, unless given. */
  readonly freeBytes?: number | bigint;
  /** Bytes of the free ones that are left alone; 0 unless given. */
  readonly reserveBytes?: number | bigint;
  /** See the sources of `freestone/extents`. */
  readonly weight?: number;
}

export interface DirectoryOptions {
  /** Bytes of an extent; 1 MiB unless given. */
  readonly extentSize?: number | bigint;
  /** The data file's name in each directory; extents that it has already are in use. */
  readonly fileName: string;
}

/** What a placement's segment comes to: a source's `handle`. */
export interface DataFile {
  readonly directory: string;
  /** The data file, absolute. */
  readonly path: string;
  /** Bytes of an extent. */
  readonly extentSize: number;
}

export type DirectorySource = Source & { readonly handle: DataFile };

export const defaultExtentSize = 2 ** 20;

/**
 * Each directory as a source whose free extents are the space behind its data file. Directories on one file system share what it has free, so that
 * together they cannot be given more than there is; their tag `device=…` lets `spread: 'device'` keep slots on different ones.
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_EXISTS for a directory named twice, or the system's own (ENOENT, ENOTDIR, EACCES)
 */
export async function directorySources(directories: readonly Directory[], options: DirectoryOptions): Promise<DirectorySource[]> {
  checkOptions('the options', options, ['extentSize', 'fileName']);
  const extentSize = checkInteger('extentSize', options.extentSize ?? defaultExtentSize, { min: 1 });
  const fileName = checkFileName(options.fileName);
  if (!Array.isArray(directories)) throw new FreestoneError('ERR_INVALID_ARGUMENT', `directories must be an array, not ${shown(directories)}`);
  const list = await Promise.all((directories as readonly Directory[]).map((directory, i) => inspect(directory, `directories[${String(i)}]`, fileName)));
  checkDistinct(list);
  const sharers = new Map<number, number>();
  for (const { device, given } of list) if (!given) sharers.set(device, (sharers.get(device) ?? 0) + 1);
  return list.map(({ directory, path, device, given, freeBytes, usedBytes }) => {
    const bytes = given ? freeBytes : Math.floor(freeBytes / (sharers.get(device) ?? 1));
    const reserve = directory.reserveBytes === undefined ? 0 : checkInteger('reserveBytes', directory.reserveBytes);
    const start = Math.ceil(usedBytes / extentSize);
    const length = Math.floor(Math.max(0, bytes - reserve - (start * extentSize - usedBytes)) / extentSize);
    const tags = directory.tags ?? [];
    return {
      handle: { directory: resolve(directory.path), path, extentSize },
      areas: length > 0 ? [{ start, length }] : [],
      totalExtents: start + length,
      tags: tags.some((tag) => /^device[=:]/.test(tag)) ? [...tags] : [...tags, `device=${String(device)}`],
      ...(directory.weight === undefined ? {} : { weight: directory.weight }),
    };
  });
}

interface Inspected {
  readonly directory: Directory;
  readonly path: string;
  readonly device: number;
  /** The caller says how much is free. */
  readonly given: boolean;
  readonly freeBytes: number;
  /** Of the data file that there is. */
  readonly usedBytes: number;
}

async function inspect(directory: Directory, name: string, fileName: string): Promise<Inspected> {
  checkOptions(name, directory, ['path', 'tags', 'freeBytes', 'reserveBytes', 'weight']);
  if (typeof directory.path !== 'string' || directory.path === '') {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `${name}.path must be a path, not ${shown(directory.path)}`, { argument: `${name}.path` });
  }
  const { tags } = directory as { tags?: unknown };
  if (tags !== undefined && !(Array.isArray(tags) && tags.every((tag) => typeof tag === 'string'))) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `${name}.tags must be an array of strings, not ${shown(tags)}`, { argument: `${name}.tags` });
  }
  const path = join(resolve(directory.path), fileName);
  // The system's own error for what is no directory.
  const { dev } = await stat(join(directory.path, '.'));
  const usedBytes = await stat(path).then(
    ({ size }) => size,
    (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
      throw error;
    },
  );
  if (directory.freeBytes !== undefined) {
    return { directory, path, device: dev, given: true, freeBytes: checkInteger(`${name}.freeBytes`, directory.freeBytes), usedBytes };
  }
  const { bavail, bsize } = await statfs(directory.path);
  return { directory, path, device: dev, given: false, freeBytes: Math.min(Number.MAX_SAFE_INTEGER, bavail * bsize), usedBytes };
}

function checkDistinct(list: readonly Inspected[]): void {
  const seen = new Set<string>();
  for (const { path } of list) {
    if (seen.has(path)) throw new FreestoneError('ERR_EXISTS', `two directories have the data file ${path}`, { path });
    seen.add(path);
  }
}

function checkFileName(fileName: unknown): string {
  if (typeof fileName === 'string' && fileName !== '' && fileName !== '.' && fileName !== '..' && !/[/\\\0]/.test(fileName)) return fileName;
  throw new FreestoneError('ERR_INVALID_ARGUMENT', `fileName must be a name without a folder, not ${shown(fileName)}`, { argument: 'fileName', value: fileName });
}
