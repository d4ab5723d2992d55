// npm run bench -- <name> [options]: measures one tier of this package beside its peers, in one run.
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { UsageError } from './harness/usage-error.mjs';

const commonOptions = {
  rounds: { type: 'string', default: '5', value: 'n', help: 'how often each subject is measured (5)' },
  scale: { type: 'string', default: '1', value: 'x', help: 'sizes times x: 0.1 is quick, 1 is what is reported (1)' },
  only: { type: 'string', value: 'a,b', help: 'these subjects alone' },
  dir: { type: 'string', default: tmpdir(), value: 'path', help: "where the scratch files go (the system's temporary directory)" },
  json: { type: 'string', value: 'file', help: 'keep every measurement here' },
  help: { type: 'boolean', short: 'h', help: 'this text' },
};

function names() {
  return readdirSync(dirname(fileURLToPath(import.meta.url)))
    .filter((file) => file.endsWith('.mjs') && file !== 'run.mjs')
    .map((file) => file.slice(0, -'.mjs'.length))
    .sort();
}

const load = (name) => import(`./${name}.mjs`);

async function list() {
  const lines = await Promise.all(names().map(async (name) => `  ${name.padEnd(12)} ${(await load(name)).about}`));
  return `usage: npm run bench -- <name> [options]\n\n${lines.join('\n')}\n\nnpm run bench -- <name> --help lists a benchmark's options.`;
}

function help(name, { about, options }) {
  const lines = Object.entries(options).map(([option, { value, help: text }]) => {
    return `  ${`--${option}${value === undefined ? '' : ` <${value}>`}`.padEnd(18)} ${text}`;
  });
  return `${name}: ${about}\n\nusage: npm run bench -- ${name} [options]\n\n${lines.join('\n')}`;
}

function positive(name, text, { whole = false } = {}) {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value) && (!whole || Number.isInteger(value))) return value;
  throw new UsageError(`--${name} must be a ${whole ? 'whole ' : ''}number above 0, not ${text}`);
}

function chosen(text, known) {
  const chosenNames = text.split(',');
  const unknown = chosenNames.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`--only: there is no ${unknown}, but ${known.join(', ')}`);
  return chosenNames;
}

function parse(args, options) {
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new UsageError(error.message);
  }
}

async function main([name, ...args]) {
  if (name === undefined || name === '--help' || name === '-h') {
    console.log(await list());
    return;
  }
  if (!names().includes(name)) throw new UsageError(`there is no benchmark ${name}\n\n${await list()}`);
  const benchmark = await load(name);
  const options = { ...commonOptions, ...benchmark.options };
  const values = parse(args, options);
  if (values.help) {
    console.log(help(name, { about: benchmark.about, options }));
    return;
  }
  if (values.json !== undefined && !existsSync(dirname(resolve(values.json)))) {
    throw new UsageError(`--json: there is no folder for ${values.json}`); // better now than after the measurements
  }
  const interrupted = new AbortController();
  let interruptedAt = Infinity;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal's interrupt arrives twice, from the terminal and passed on by npm. A later one means it: end at once.
      if (performance.now() - interruptedAt > 1000) process.exit(130);
      interruptedAt = Math.min(interruptedAt, performance.now());
      interrupted.abort(signal);
    });
  }
  try {
    await benchmark.run({
      ...values,
      rounds: positive('rounds', values.rounds, { whole: true }),
      scale: positive('scale', values.scale),
      threads: values.threads?.split(',').map((count) => positive('threads', count, { whole: true })),
      only: values.only === undefined ? benchmark.subjectNames : chosen(values.only, benchmark.subjectNames),
      signal: interrupted.signal,
    });
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    console.error('interrupted; the scratch files are removed');
    process.exitCode = 130;
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const usage = error instanceof UsageError;
  console.error(usage ? error.message : error);
  process.exitCode = usage ? 2 : 1;
}
