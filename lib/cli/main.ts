#!/usr/bin/env node
// The command line: finds the command, runs it, and turns what it throws into a message and an exit status.
import { readFileSync } from 'node:fs';
import { FreestoneError } from '../errors.js';
import type { Command } from './command.js';
import { filespace } from './filespace.js';
import { importCommand } from './import.js';
import { ls } from './ls.js';
import { map } from './map.js';
import { table } from './terminal.js';

const commands: readonly Command[] = [importCommand, ls, map, filespace];

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  return manifest.version;
}

const usage = `Usage: freestone <command> [options]

${table(commands.map(({ name, summary }) => [`  ${name}`, summary]))}

freestone <command> --help says more. --version prints the version.`;

/** @returns the exit status */
async function main([name, ...args]: string[]): Promise<number> {
  if (name === '--version' || name === '-v') {
    console.log(version());
    return 0;
  }
  if (name === '--help' || name === '-h') {
    console.log(usage);
    return 0;
  }
  const command = commands.find((known) => known.name === name);
  if (command === undefined) {
    console.error(name === undefined ? usage : `freestone: there is no command ${JSON.stringify(name)}\n\n${usage}`);
    return 2;
  }
  try {
    return await command.run(args);
  } catch (error) {
    if (error instanceof FreestoneError) {
      console.error(`freestone ${command.name}: ${error.message}`);
      return 1;
    }
    // What util.parseArgs says of an option that is not known.
    if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_')) {
      console.error(`freestone ${command.name}: ${error.message}\nfreestone ${command.name} --help shows how it is used.`);
      return 2;
    }
    throw error;
  }
}

// A reader that has seen enough (head, less) closes its end: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await main(process.argv.slice(2));
