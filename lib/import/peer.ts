// Packages that only some formats need: the user installs them, and is told so when one is missing.
import { FreestoneError } from '../errors.js';

/**
 * Loads a package. What is used of it is declared where it is used, so that this one compiles without it.
 * @param what is read with it, as the subject of a sentence @param install as npm takes it
 * @throws {FreestoneError} ERR_NOT_FOUND when it is not installed
 */
export async function loadPeer<T>(name: string, what: string, install: string): Promise<T> {
  try {
    return (await import(name)) as T;
  } catch (cause) {
    throw new FreestoneError('ERR_NOT_FOUND', `${what} read with the package ${name}, which is not installed: npm install ${install}`, { package: name }, { cause });
  }
}
