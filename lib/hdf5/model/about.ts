// Which dataset or attribute an error is about: what refuses a value or a shape does not know whose it is.
import { FreestoneError, shown } from '../../errors.js';

/** The same error with the dataset's path in its message and as `dataset`; what is no error of this package's, or says so already, as it is. */
export function aboutDataset(path: string, error: unknown): unknown {
  if (!(error instanceof FreestoneError) || error['dataset'] !== undefined) return error;
  const message = error.message.startsWith(`${path} `) ? error.message : `${path}: ${error.message}`;
  return new FreestoneError(error.code, message, { ...Object.fromEntries(Object.entries(error)), dataset: path }, { cause: error });
}

/** The same error with the attribute's name and its object's path in the message, and as `attribute` and `object`. */
export function aboutAttribute(path: string, name: string, error: unknown): unknown {
  if (!(error instanceof FreestoneError)) return error;
  const facts = { ...Object.fromEntries(Object.entries(error)), attribute: name, object: path };
  return new FreestoneError(error.code, `attribute ${shown(name)} of ${path}: ${error.message}`, facts, { cause: error });
}
