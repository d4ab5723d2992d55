// Tables that were imported, compared in Python with what they were made from.
import { runPython } from './readers.js';

export interface Comparison {
  readonly rows: number;
  /** How each column was compared. */
  readonly columns: Readonly<Record<string, string>>;
  readonly missing: Readonly<Record<string, number>>;
  readonly differences: readonly string[];
}

/** @param jobs what the script takes, one a line */
export function compare(script: string, jobs: readonly object[]): Comparison[] {
  const lines = runPython(script, [], jobs.map((job) => JSON.stringify(job)).join('\n')).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Comparison);
}
