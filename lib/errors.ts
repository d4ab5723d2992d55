import { constants } from 'node:os';
import { getSystemErrorMap, inspect } from 'node:util';

/**
 * Every code that this package itself gives to an error, in the order of `native/base/status.h`:
 * the position in this list, counted from 1, is the value of the C++ enumerator.
 */
export const errorCodes = [
  'ERR_OUT_OF_MEMORY',
  'ERR_INVALID_SIZE',
  'ERR_INVALID_ALIGNMENT',
  'ERR_INVALID_ARGUMENT',
  'ERR_INVALID_ADDRESS',
  'ERR_NUMA_NODE_UNAVAILABLE',
  'ERR_ZONE_DEPLETED',
  'ERR_LIMIT_EXCEEDED',
  'ERR_CLOSED',
  'ERR_OVERLAP',
  'ERR_NO_SPACE',
  'ERR_CORRUPT_FILE',
  'ERR_UNSUPPORTED',
  'ERR_NOT_FOUND',
  'ERR_EXISTS',
  'ERR_TYPE_MISMATCH',
  'ERR_READ_ONLY',
  'ERR_FILE_LOCKED',
  'ERR_ADDON_NOT_FOUND',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** What an error is about, as properties: `requested`, `available`, `address`, `path`, `line` … */
export type ErrorFacts = Readonly<Record<string, unknown>>;

/**
 * Every failure that a caller of this package can meet. Match on `code`, which is stable; the message is for people.
 * A failure of the operating system keeps its own code (`ENOSPC`, `EACCES`) with `errno`, `syscall` and `path`, as Node's do.
 */
export class FreestoneError extends Error {
  override readonly name = 'FreestoneError';
  /** One of `errorCodes`, or the system's own code. */
  readonly code: string;

  declare readonly errno?: number;
  declare readonly syscall?: string;
  declare readonly path?: string;
  readonly [fact: string]: unknown;

  constructor(code: ErrorCode | (string & {}), message: string, facts: ErrorFacts = {}, options?: ErrorOptions) {
    super(message, options);
    Object.assign(this, facts);
    this.code = code;
  }
}

/** Of errors that files meet and that Node's own map leaves out. */
const otherDescriptions: Readonly<Record<string, string>> = {
  EDQUOT: 'disk quota exceeded',
  ENOLCK: 'no locks available',
  ESTALE: 'stale file handle',
};

/** The name of a system's error and what it means. @param errno positive, as C has it */
function describedError(errno: number): readonly [name: string, description: string] {
  const known = getSystemErrorMap().get(-errno);
  if (known !== undefined) return known;
  const name = Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `E${String(errno)}`;
  return [name, otherDescriptions[name] ?? 'unknown error'];
}

/** The error for a failed system call, worded and shaped like Node's own. @param errno positive, as C has it */
export function systemError(errno: number, syscall: string, path?: string, facts: ErrorFacts = {}): FreestoneError {
  const [name, description] = describedError(errno);
  const at = path === undefined ? '' : ` '${path}'`;
  return new FreestoneError(name, `${name}: ${description}, ${syscall}${at}`, {
    errno: -errno,
    syscall,
    ...(path === undefined ? {} : { path }),
    ...facts,
  });
}

/** A caller's value in a message: on one line, cut short, and without running any code of it. */
export function shown(value: unknown): string {
  return inspect(value, { depth: 0, breakLength: Infinity, maxStringLength: 80, maxArrayLength: 4, customInspect: false });
}

/** 1536 is `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit] ?? ''}`;
}

export interface IntegerRange {
  /** Smallest value; 0 unless given. */
  readonly min?: number;
  /** Largest value; 2^53 - 1 unless given. */
  readonly max?: number;
  /** What a wrong value is; ERR_INVALID_ARGUMENT unless given. */
  readonly code?: ErrorCode;
}

/**
 * The one check of every size, count, offset and address that a caller gives: a safe integer, as a number or a bigint.
 * @throws {FreestoneError} with the argument's name and value
 */
export function checkInteger(name: string, value: unknown, range: IntegerRange = {}): number {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, code = 'ERR_INVALID_ARGUMENT' } = range;
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < min || number > max) {
    throw new FreestoneError(code, `${name} must be an integer from ${String(min)} to ${String(max)}, not ${shown(value)}`, {
      argument: name,
      value,
    });
  }
  return number;
}

/** @throws {FreestoneError} with the argument's name, its value and the choices */
export function checkChoice(argument: string, value: unknown, choices: readonly string[], code: ErrorCode = 'ERR_INVALID_ARGUMENT'): void {
  if (choices.includes(value as string)) return;
  throw new FreestoneError(code, `${argument} must be ${choices.join(' or ')}, not ${shown(value)}`, { argument, value });
}

/** Refuses options that are not known, so that a misspelt one is not passed over. @throws {FreestoneError} ERR_INVALID_ARGUMENT */
export function checkOptions(what: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `${what} must be an object, not ${shown(options)}`);
  }
  // Nothing is made for options that are right: some calls are made a hundred thousand times.
  for (const key in options) {
    if (known.includes(key) || !Object.hasOwn(options, key)) continue;
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `${what} has no option ${JSON.stringify(key)}; there are ${known.join(', ')}`, { argument: key });
  }
}

/** @throws {FreestoneError} ERR_INVALID_ARGUMENT for what is no AbortSignal */
export function checkSignal(signal: unknown): void {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw new FreestoneError('ERR_INVALID_ARGUMENT', `signal must be an AbortSignal, not ${shown(signal)}`, { argument: 'signal' });
}
