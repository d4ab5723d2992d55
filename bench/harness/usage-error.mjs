/** What whoever typed the command can mend: shown without a stack, exit status 2. */
export class UsageError extends Error {}
