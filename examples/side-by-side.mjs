// Servers in processes of their own under the same load, in turn, and what each did.
import autocannon from 'autocannon';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const MIB = 2 ** 20;

/** A whole number from the command line. */
export function bounded(text, { most, otherwise }) {
  const number = Number(text ?? otherwise);
  return Number.isFinite(number) ? Math.min(Math.max(1, Math.trunc(number)), most) : otherwise;
}

/** Starts a program that prints `listening on <port>`. @returns its process and its port */
export async function start(script, args = []) {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /^listening on (\d+)$/.exec(line)?.[1];
    if (port !== undefined) return { child, port: Number(port) };
  }
  throw new Error(`${script} did not listen`);
}

export async function stop({ child }) {
  child.kill('SIGTERM');
  if (child.exitCode === null) await once(child, 'exit');
}

/** A process's memory in bytes, now and at most, and the seconds of processor time that it used. Linux alone; NaN elsewhere. */
function usage({ child }) {
  try {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    const bytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
    // In hundredths, behind the name, which may hold anything.
    const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return { resident: bytes('VmRSS'), most: bytes('VmHWM'), seconds: (Number(fields[11]) + Number(fields[12])) / 100 };
  } catch {
    return { resident: NaN, most: NaN, seconds: NaN };
  }
}

async function round(server, request, seconds) {
  const before = usage(server);
  const { requests, latency, errors, non2xx } = await autocannon({ url: `http://127.0.0.1:${server.port}/`, duration: seconds, ...request });
  if (errors + non2xx > 0) throw new Error(`${errors + non2xx} requests failed`);
  const after = usage(server);
  return {
    'requests/s': Math.round(requests.average),
    'p50 ms': latency.p50,
    'p99 ms': latency.p99,
    'CPU us/request': Math.round(((after.seconds - before.seconds) / requests.total) * 1e6),
    'resident MiB': Math.round(after.resident / MIB),
    'at most MiB': Math.round(after.most / MIB),
  };
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** Loads servers in turn, round by round, so that what else the machine does meets all alike, and prints the medians. */
export async function loadInTurn({ servers, connections, request = {}, seconds, rounds }) {
  const all = Object.entries(servers).map(([name, server]) => ({ name, server, figures: {} }));
  const load = { connections, ...request };
  // Compiled and with their memory in place before it counts.
  for (const { server } of all) await round(server, load, Math.min(2, seconds));
  for (let i = 0; i < rounds; i += 1) {
    // Another one first each time.
    all.push(all.shift());
    for (const { server, figures } of all) {
      for (const [name, value] of Object.entries(await round(server, load, seconds))) (figures[name] ??= []).push(value);
    }
  }
  console.log(`${connections} connections, ${seconds} s a round, medians of ${rounds} rounds`);
  const medians = Object.fromEntries(
    Object.keys(servers).map((name) => {
      const { figures } = all.find((each) => each.name === name);
      return [name, Object.fromEntries(Object.entries(figures).map(([what, values]) => [what, median(values)]))];
    }),
  );
  console.table(medians);
  return medians;
}
