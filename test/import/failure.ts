// The error that an import ends with.
import { readdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { type ImportOptions, importFiles } from '../../lib/import/index.js';

/** Imports a file with this content, and checks that what it ends with left nothing behind beside the output. */
export async function failureOf(input: string, content: string | Uint8Array, output: string, options: ImportOptions = {}): Promise<FreestoneError> {
  writeFileSync(input, content);
  const before = readdirSync(dirname(output));
  const error = await importFiles([input], output, options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof FreestoneError)) throw new Error('the import was expected to fail with a FreestoneError', { cause: error });
  expect(readdirSync(dirname(output))).toEqual(before);
  return error;
}
