// A process that appends for long, and how large it is meanwhile.
import { spawn } from 'node:child_process';
import type { Soaked } from './children/soaking-writer.js';

export const MIB = 2 ** 20;

/** @param script children/soaking-writer, compiled */
export async function soak(script: string, path: string, appends: number, between: number): Promise<Soaked> {
  const child = spawn(process.execPath, [script, path, String(appends), String(between)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let complaint = '';
  child.stdout.on('data', (part: Buffer) => (said += part.toString()));
  child.stderr.on('data', (part: Buffer) => (complaint += part.toString()));
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (status !== 0) throw new Error(`the writer ended with ${String(status)}: ${complaint}`);
  return JSON.parse(said) as Soaked;
}

/** How much larger the process was in the second half of its life than it had been in the first, in bytes. */
export function growth({ samples }: Soaked): number {
  const resident = samples.map(([, , rss = 0]) => rss);
  const half = Math.floor(resident.length / 2);
  return Math.max(...resident.slice(half)) - Math.max(...resident.slice(0, half));
}
