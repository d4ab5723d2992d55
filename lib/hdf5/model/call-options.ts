// What calls that may take long have in common.
import { checkOptions, checkSignal } from '../../errors.js';

export interface CallOptions {
  /**
   * Ends the call before its next chunk or piece: the promise is rejected with the signal's reason, once nothing of the call is under way any more.
   * An append leaves no row then, and nothing a write that waited for its turn; of a write that has begun, parts may be written, and
   * what a read was given as `into` may hold parts.
   */
  readonly signal?: AbortSignal | undefined;
}

/** The signal, which has not been aborted. @throws {FreestoneError} ERR_INVALID_ARGUMENT for what is none; else the reason of an aborted one */
export function signalOf(options: CallOptions | undefined): AbortSignal | undefined {
  const signal = options?.signal;
  if (signal === undefined) return undefined;
  checkSignal(signal);
  signal.throwIfAborted();
  return signal;
}

/** The same, where there is no other option. @throws {FreestoneError} also for an option that there is not */
export function checkedCall(options: CallOptions | undefined): AbortSignal | undefined {
  if (options === undefined) return undefined;
  checkOptions('options', options, ['signal']);
  return signalOf(options);
}
