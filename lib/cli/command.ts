// What every command of the command line is.

export interface Command {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What `--help` prints. */
  readonly usage: string;
  /** @returns the exit status: 0, 1 when the work failed, 2 for wrong usage */
  run(args: string[]): Promise<number>;
}
