// For tests that use the addon without the tiers above it.
import { promised, task, type TaskResult } from '../../lib/hdf5/storage/steps.js';

/** A task of the worker threads, to be awaited. */
export const ended = (submit: (ticket: number) => void): Promise<TaskResult> => promised(task(submit));
