// The examples as they are run: in processes of their own, with the built package.
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';

const examples = fileURLToPath(new URL('../../examples/', import.meta.url));
const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

interface Server {
  readonly url: string;
  readonly port: number;
  /** Ends it as an operator does. @returns all that it printed */
  stop(): Promise<string>;
}

async function start(script: string, ...args: string[]): Promise<Server> {
  const child = spawn(process.execPath, [`${examples}${script}`, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(child);
  let printed = '';
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      const found = /^listening on (\d+)$/m.exec(printed)?.[1];
      if (found !== undefined) resolve(Number(found));
    });
    child.on('exit', (code) => {
      reject(new Error(`${script} ends with ${String(code)}: ${printed}`));
    });
  });
  return {
    port,
    url: `http://127.0.0.1:${String(port)}/`,
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
      return printed;
    },
  };
}

const post = async (url: string, body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | string): Promise<{ status: number; text: string }> => {
  const response = await fetch(url, { method: 'POST', body, ...(body instanceof ReadableStream ? { duplex: 'half' } : {}) });
  return { status: response.status, text: await response.text() };
};
const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');
const inChunks = (bytes: Uint8Array, size: number): ReadableStream<Uint8Array> => {
  let at = 0;
  return new ReadableStream({
    pull: (controller) => {
      if (at >= bytes.length) controller.close();
      else controller.enqueue(bytes.subarray(at, (at += size)));
    },
  });
};
const holdsNothing = 'buffers still held: 0\n';

describe('examples/upload-server', () => {
  it('answers with the same checksums as its plain twin, and holds nothing in the end', async () => {
    const servers = [await start('upload-server/server.mjs'), await start('upload-server/plain.mjs')];
    const bodies = [0, 1, 100, 65_536, 65_537, 3_000_000].map((length) => randomBytes(length));
    for (const { url } of servers) {
      const answers = await Promise.all(bodies.flatMap((body) => [post(url, body), post(url, inChunks(body, 50_000))]));
      expect(answers).toEqual(bodies.flatMap((body) => [1, 2].map(() => ({ status: 200, text: md5(body) }))));
    }
    const [pooled, plain] = await Promise.all(servers.map((server) => server.stop()));
    expect(pooled).toContain(holdsNothing);
    expect(plain).toMatch(/^listening on \d+\n$/);
  });

  it.each(['server.mjs', 'plain.mjs'])('%s refuses a body that is too long', async (script) => {
    const server = await start(`upload-server/${script}`);
    const socket = connect(server.port, '127.0.0.1');
    socket.write(`POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n`);
    const chunk = Buffer.alloc(2 ** 20);
    for (let i = 0; i < 17; i += 1) {
      socket.write('100000\r\n');
      socket.write(chunk);
      socket.write('\r\n');
    }
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();
    expect((await post(server.url, 'after')).text).toBe(md5(Buffer.from('after')));
    await server.stop();
  });

  it('a client that goes away leaves nothing behind', async () => {
    const server = await start('upload-server/server.mjs');
    const socket = connect(server.port, '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nonly a part');
    await sleep(100);
    socket.destroy();
    await sleep(100);
    expect(await server.stop()).toContain(holdsNothing);
  });
});

describe('examples/tcp-relay', () => {
  it.each(['relay.mjs', 'plain.mjs'])('%s passes everything on, both ways', async (script) => {
    const origin = await start('tcp-relay/origin.mjs', '3000000');
    const relay = await start(`tcp-relay/${script}`, String(origin.port));
    const expected = Buffer.alloc(3_000_000, 'answer');
    const answers = await Promise.all(Array.from({ length: 5 }, async () => Buffer.from(await (await fetch(relay.url)).arrayBuffer())));
    for (const answer of answers) expect(answer.equals(expected)).toBe(true);
    expect((await post(relay.url, randomBytes(500_000))).text).toBe('500000');
    // One that goes away in the middle of its answer.
    const socket = connect(relay.port, '127.0.0.1').on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(socket, 'data');
    socket.resetAndDestroy();
    await sleep(100);
    await origin.stop();
    const printed = await relay.stop();
    if (script === 'relay.mjs') expect(printed).toContain(holdsNothing);
  });
});

it.each(['upload-server', 'tcp-relay'])('the load of examples/%s shows both beside each other', async (name) => {
  const child = spawn(process.execPath, [`${examples}${name}/load.mjs`, '3', '1000', '1', '1'], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(child);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  expect(await once(child, 'close')).toEqual([0, null]);
  const printed = Buffer.concat(chunks).toString();
  expect(printed).toContain('3 connections, 1 s a round, medians of 1 rounds');
  for (const word of ['requests/s', 'p99 ms', 'resident MiB']) expect(printed).toContain(word);
  for (const row of ['pooled', 'plain']) expect(printed).toMatch(new RegExp(`${row}\\W+[1-9]\\d*`));
});
