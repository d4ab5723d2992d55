// The output appears under its name only when it is complete: it is written beside it, under another name.
import { existsSync, rmSync } from 'node:fs';
import { link, lstat, open, rename, rm, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { FreestoneError, systemError } from '../errors.js';
import { asFreestoneError } from './input-file.js';

/** Files that must not outlive this process if it ends in the middle. */
const unfinished = new Set<string>();

function removeUnfinished(): void {
  for (const path of unfinished) rmSync(path, { force: true });
}

export class OutputFile {
  readonly path: string;
  /** Where the content goes until it is complete. */
  readonly partial: string;
  readonly #hidden: string;
  readonly #overwrite: boolean;
  /** All that must be gone in the end. */
  readonly #temporary: string[];

  private constructor(path: string, overwrite: boolean) {
    this.path = path;
    this.#overwrite = overwrite;
    this.#hidden = join(dirname(path), `.${basename(path)}.${process.pid}`);
    this.partial = `${this.#hidden}.partial`;
    this.#temporary = [this.partial];
  }

  /**
   * Checks that the output can be made before any work is done for it.
   * @throws {FreestoneError} ERR_EXISTS, or the system's own: ENOENT for a directory that is not there, ENOTDIR, EISDIR
   */
  static async prepare(path: string, overwrite: boolean): Promise<OutputFile> {
    const folder = dirname(path);
    try {
      if (!(await stat(folder)).isDirectory()) throw systemError(constants.errno.ENOTDIR, 'open', folder);
    } catch (error) {
      throw asFreestoneError(error);
    }
    const present = await lstat(path).catch(() => undefined);
    if (present?.isDirectory() === true) throw systemError(constants.errno.EISDIR, 'open', path);
    if (present !== undefined && !overwrite) throw exists(path);
    const output = new OutputFile(path, overwrite);
    if (unfinished.has(output.partial)) {
      throw new FreestoneError('ERR_FILE_LOCKED', `${path} is being written by another import of this process`, { path });
    }
    if (unfinished.size === 0) process.on('exit', removeUnfinished);
    unfinished.add(output.partial);
    return output;
  }

  /** A place, different for each call, for an input that can be read only once. */
  spool(): string {
    const path = `${this.#hidden}.${this.#temporary.length}.input`;
    this.#temporary.push(path);
    unfinished.add(path);
    return path;
  }

  /**
   * Gives the complete content its name.
   * @throws {FreestoneError} ERR_EXISTS when something took the name meanwhile and it may not be overwritten
   */
  async publish(): Promise<void> {
    try {
      if (this.#overwrite) {
        await rename(this.partial, this.path);
      } else {
        await this.#publishNew();
      }
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? exists(this.path) : asFreestoneError(error);
    }
  }

  /** rename() would replace what is there; link() refuses. Where there are no hard links, the name is taken by an empty file first. */
  async #publishNew(): Promise<void> {
    try {
      await link(this.partial, this.path);
    } catch (error) {
      if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      await (await open(this.path, 'wx')).close();
      await rename(this.partial, this.path);
      return;
    }
    await rm(this.partial);
  }

  /** Removes what is left of the work; after `publish` there is nothing. */
  async discard(): Promise<void> {
    for (const path of this.#temporary) {
      if (existsSync(path)) await rm(path, { force: true });
      unfinished.delete(path);
    }
    if (unfinished.size === 0) process.off('exit', removeUnfinished);
  }
}

function exists(path: string): FreestoneError {
  return new FreestoneError('ERR_EXISTS', `${path} exists already; --overwrite replaces it`, { path });
}
