// Work that waits, written as generators that yield what they wait for. The same steps go on by themselves while the event loop
// turns, or are driven to their end within one call by `now`; nothing in them is a promise, which a call could not wait for.
import { FreestoneError } from '../../errors.js';
import { native } from '../../native.js';

/** Work in steps; each wait is a `yield* wait(…)`. */
export type Steps<T = void> = Generator<Pending<unknown>, T, void>;

type Listener = () => void;

/** Those who wait for something that is there now. They never run inside of whoever brought it. */
const ready: Listener[] = [];
let isScheduled = false;
/** How many steps are being taken inside each other. */
let depth = 0;
/** Whether a call waits for all of its work. */
let isDriven = false;

function runReady(): boolean {
  if (ready.length === 0) return false;
  // Each may make others ready, which are met as well.
  for (const listener of ready) listener();
  ready.length = 0;
  return true;
}

function runScheduled(): void {
  isScheduled = false;
  runReady();
}

function soon(listener: Listener): void {
  ready.push(listener);
  if (isScheduled) return;
  isScheduled = true;
  queueMicrotask(runScheduled);
}

/** A result that is there later. Unlike a promise it can be looked at, and one that fails unseen is nobody's concern. */
export class Pending<T = void> {
  #state: 'waiting' | 'done' | 'failed' = 'waiting';
  #result: unknown;
  #listeners: Listener[] | undefined;

  get isSettled(): boolean {
    return this.#state !== 'waiting';
  }

  get hasFailed(): boolean {
    return this.#state === 'failed';
  }

  /** The result. @throws why there is none */
  get value(): T {
    this.check();
    return this.#result as T;
  }

  /** Why there is no result. */
  get error(): unknown {
    return this.hasFailed ? this.#result : undefined;
  }

  /** @throws why there is no result, if it is known that there is none */
  check(): void {
    if (this.#state === 'failed') throw this.#result;
  }

  /** Only the first of `resolve` and `reject` counts. */
  resolve(value: T): void {
    this.#settle('done', value);
  }

  reject(error: unknown): void {
    this.#settle('failed', error);
  }

  /** Calls back, later, once this is settled. */
  watch(listener: Listener): void {
    if (this.isSettled) soon(listener);
    else if (this.#listeners === undefined) this.#listeners = [listener];
    else this.#listeners.push(listener);
  }

  #settle(state: 'done' | 'failed', result: unknown): void {
    if (this.isSettled) return;
    this.#state = state;
    this.#result = result;
    const listeners = this.#listeners;
    this.#listeners = undefined;
    if (listeners !== undefined) for (const listener of listeners) soon(listener);
  }
}

/** One for all that is done. */
export const done = new Pending();
done.resolve();

/** Waits. @throws what it failed with */
export function* wait<T>(pending: Pending<T>): Steps<T> {
  if (!pending.isSettled) yield pending;
  return pending.value;
}

/** Waits, whether it fails or not. */
export function* settled(pending: Pending<unknown> | undefined): Steps {
  if (pending !== undefined && !pending.isSettled) yield pending;
}

/** Begins work: its first steps are taken within this call. */
export function begin<T>(steps: Steps<T>): Pending<T> {
  const result = new Pending<T>();
  const advance = (): void => {
    depth += 1;
    try {
      for (;;) {
        const step = steps.next();
        if (step.done === true) {
          result.resolve(step.value);
          return;
        }
        if (step.value.isSettled) continue;
        step.value.watch(advance);
        return;
      }
    } catch (error) {
      result.reject(error);
    } finally {
      depth -= 1;
    }
  };
  advance();
  return result;
}

/** For those who await. */
export function promised<T>(pending: Pending<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const tell = (): void => {
      // Whatever was thrown, as `await` would throw it.
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
      if (pending.hasFailed) reject(pending.error);
      else resolve(pending.value);
    };
    if (pending.isSettled) tell();
    else pending.watch(tell);
  });
}

/** Whether what is being done must be done within the call. */
export function isSynchronous(): boolean {
  return isDriven;
}

/**
 * Does work to its end within this call, and with it what it has to wait for, also of others.
 * @throws what it failed with; ERR_UNSUPPORTED, and nothing has begun, when it would have to wait for its own caller or for the event loop
 */
export function now<T>(start: () => Pending<T>): T {
  if (depth > 0 || isDriven) throw new FreestoneError('ERR_UNSUPPORTED', 'a synchronous call from within another call, as from a getter of its data, is not supported');
  if (outside > 0) throw new FreestoneError('ERR_UNSUPPORTED', 'a synchronous call while an external file is being used by an asynchronous one is not supported');
  isDriven = true;
  try {
    const pending = start();
    while (!pending.isSettled) {
      if (runReady()) continue;
      if (turns.size > 0) giveTurns();
      else if (!native().settleJobs()) throw new Error('a synchronous call waits for what nobody brings');
    }
    return pending.value;
  } finally {
    isDriven = false;
  }
}

/** What a task of a worker thread found out; zeros but for chunks that were stored. */
export interface TaskResult {
  readonly address: number;
  readonly size: number;
  readonly filterMask: number;
}

/** Tasks under way by ticket, with the memory that they use. */
const tasks = new Map<number, { readonly pending: Pending<TaskResult>; readonly kept: unknown }>();
let lastTicket = 0;
const NUMBERS = 4;

function onJobsDone(numbers: Float64Array, errors: readonly unknown[] | undefined): void {
  for (let at = 0; at < numbers.length; at += NUMBERS) {
    const [ticket = 0, address = 0, size = 0, filterMask = 0] = [numbers[at], numbers[at + 1], numbers[at + 2], numbers[at + 3]];
    const task = tasks.get(ticket);
    tasks.delete(ticket);
    const error = errors?.[at / NUMBERS];
    if (error === undefined) task?.pending.resolve({ address, size, filterMask });
    else task?.pending.reject(error);
  }
}

/**
 * Hands a task to the worker threads.
 * @param kept the memory that it uses
 */
export function task(submit: (ticket: number) => void, kept?: unknown): Pending<TaskResult> {
  if (lastTicket === 0) native().onJobsDone(onJobsDone);
  lastTicket += 1;
  const pending = new Pending<TaskResult>();
  tasks.set(lastTicket, { pending, kept });
  try {
    submit(lastTicket);
  } catch (error) {
    tasks.delete(lastTicket);
    pending.reject(error);
  }
  return pending;
}

/** Turns that other work is to have. */
const turns = new Set<Pending>();

/** Settles when other work has had its turn; within a call that waits there is none. */
export function turn(): Pending {
  if (isDriven) return done;
  const pending = new Pending();
  turns.add(pending);
  setImmediate(() => {
    turns.delete(pending);
    pending.resolve();
  });
  return pending;
}

function giveTurns(): void {
  for (const pending of turns) {
    turns.delete(pending);
    pending.resolve();
  }
}

/** Promises that work waits for. */
let outside = 0;

/** A call of Node's, in its two forms. */
export function* system<T>(later: () => Promise<T>, atOnce: () => T): Steps<T> {
  if (isDriven) return atOnce();
  const pending = new Pending<T>();
  outside += 1;
  later()
    .then(
      (value) => {
        pending.resolve(value);
      },
      (error: unknown) => {
        pending.reject(error);
      },
    )
    .finally(() => {
      outside -= 1;
    });
  return yield* wait(pending);
}

/** Lets work through one after the other, in the order in which it came. */
export class Line {
  #isTaken = false;
  readonly #waiting: Pending[] = [];

  /** Whether nothing has its turn or waits for it. */
  get isFree(): boolean {
    return !this.#isTaken;
  }

  /** Takes the steps when it is their turn; the place in the line is taken with the first step. */
  *inTurn<T>(steps: () => Steps<T>): Steps<T> {
    if (this.#isTaken) {
      const pending = new Pending();
      this.#waiting.push(pending);
      yield* wait(pending);
    }
    this.#isTaken = true;
    try {
      return yield* steps();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#isTaken = false;
      else next.resolve();
    }
  }

  /** Settles when all that is in the line now has had its turn. */
  passed(): Pending {
    return this.isFree ? done : begin(this.inTurn(nothing));
  }
}

function* nothing(): Steps {
  // Its turn is all that matters.
}

/** Waits for all of several operations and then throws the first failure, so that none is left behind. */
export class Flight {
  readonly #running: Pending<unknown>[] = [];
  /** How many of them, from the first on, have landed well. */
  #landed = 0;

  add(operation: Pending<unknown>): void {
    this.#running.push(operation);
  }

  get failed(): boolean {
    for (let next = this.#running[this.#landed]; next?.isSettled === true && !next.hasFailed; next = this.#running[this.#landed]) this.#landed += 1;
    for (let i = this.#landed; i < this.#running.length; i += 1) if (this.#running[i]?.hasFailed === true) return true;
    return false;
  }

  *landed(): Steps {
    for (const operation of this.#running) yield* settled(operation);
    for (const operation of this.#running) operation.check();
  }
}

/** Steps that add to a flight, and its landing: it has landed also when they fail. */
export function* flown(flight: Flight, steps: Steps): Steps {
  try {
    yield* steps;
  } catch (error) {
    yield* settled(begin(flight.landed()));
    throw error;
  }
  yield* flight.landed();
}
