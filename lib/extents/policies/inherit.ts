// Inherit: not a policy of its own but the container's (A2).
import { FreestoneError } from '../../errors.js';

/** LVM's one-letter name. */
export const inheritLetter = 'i';

/** @throws {FreestoneError} ERR_INVALID_ARGUMENT when the container would inherit as well */
export function inherited(policy: string, containerPolicy: string): string {
  if (containerPolicy === 'inherit') {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', 'containerPolicy may not be inherit: there is nothing to inherit from', {
      argument: 'containerPolicy',
      value: containerPolicy,
    });
  }
  return policy === 'inherit' ? containerPolicy : policy;
}
