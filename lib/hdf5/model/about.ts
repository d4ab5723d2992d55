// Which dataset an error is about: what refuses a value or a shape does not know whose it is.
import { FreestoneError } from '../../errors.js';

/** The same error with the dataset's path in its message and as `dataset`; what is no error of this package's, or says so already, as it is. */
export function aboutDataset(path: string, error: unknown): unknown {
  if (!(error instanceof FreestoneError) || error['dataset'] !== undefined) return error;
  const message = error.message.startsWith(`${path} `) ? error.message : `${path}: ${error.message}`;
  return new FreestoneError(error.code, message, { ...Object.fromEntries(Object.entries(error)), dataset: path }, { cause: error });
}
