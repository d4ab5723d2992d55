// A folder for the files of one run, which is gone when this process ends.
import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from './usage-error.mjs';

/** @param needed bytes that will be in the folder at once */
export function scratchFolder(parent, needed) {
  if (!existsSync(parent)) throw new UsageError(`--dir: there is no ${parent}`);
  const { bavail, bsize } = statfsSync(parent);
  if (bavail * bsize < needed) {
    const gib = (bytes) => (bytes / 2 ** 30).toFixed(1);
    throw new UsageError(
      `${parent} has ${gib(bavail * bsize)} GiB free and the run needs ${gib(needed)}; choose another with --dir, or a smaller --scale`,
    );
  }
  const folder = mkdtempSync(join(parent, 'freestone-bench-'));
  process.on('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}
