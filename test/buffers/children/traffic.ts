// A worker thread that uses a shared pool: with buffers of its own, or with those that others send.
import { parentPort, threadId, workerData } from 'node:worker_threads';
import { BufferPool, type BufferPoolHandle, type BufferToken, type ChannelHandle } from '../../../lib/buffers/index.js';

interface Task {
  readonly handle: BufferPoolHandle;
  readonly task: 'stamp' | 'for ever' | 'answer' | 'relay' | 'hold' | 'misuse';
  readonly from?: ChannelHandle;
  readonly to?: ChannelHandle;
}

const { handle, task, from, to } = workerData as Task;
const pool = BufferPool.attach(handle);
let random = threadId + 1;
const next = (limit: number): number => (random = (random * 48271) % 2147483647) % limit;

function use(steps: number): void {
  const held: Buffer[] = [];
  const giveBack = (): void => {
    const [buffer] = held.splice(next(held.length), 1);
    if (buffer === undefined) return;
    if (buffer.some((byte) => byte !== (threadId & 255))) throw new Error('a buffer was handed out twice');
    pool.release(buffer);
  };
  for (let i = 0; i < steps; i += 1) {
    if (held.length < 100 && next(2) === 0) {
      const buffer = pool.acquire(1 + next(next(50) === 0 ? 200_000 : 2000));
      if (buffer.some((byte) => byte !== 0)) throw new Error("another holder's bytes");
      held.push(buffer.fill(threadId & 255));
    } else giveBack();
  }
  while (held.length > 0) giveBack();
}

if (task === 'stamp') {
  use(8000);
  pool.close();
  parentPort?.postMessage('right');
} else if (task === 'for ever') {
  parentPort?.postMessage('begun');
  use(Infinity);
} else if (task === 'hold') {
  for (let i = 0; i < 5; i += 1) pool.acquire(65536).fill(255);
  pool.release(pool.acquire(1000));
  parentPort?.postMessage('held');
  setInterval(() => undefined, 1000);
} else if (task === 'answer') {
  parentPort?.on('message', (token: BufferToken) => {
    const buffer = pool.fromToken(token);
    for (let i = 0; i < buffer.length; i += 1) buffer[i] = (buffer[i] ?? 0) + 1;
    parentPort?.postMessage(pool.token(buffer));
  });
} else if (task === 'misuse') {
  // A view that came in a message is the same memory, and no buffer of this thread's.
  parentPort?.once('message', (view: Uint8Array) => {
    const { buffer, byteOffset, length } = view;
    const views = [view, Buffer.from(buffer, byteOffset, length), Buffer.from(buffer, byteOffset, 1), Buffer.from(buffer, byteOffset + 64, 64)] as Buffer[];
    const uses = [
      (value: Buffer) => { pool.release(value); },
      (value: Buffer) => pool.capacity(value),
      (value: Buffer) => pool.token(value),
      (value: Buffer) => pool.resize(value, 10),
    ];
    const codes = views.map((value) =>
      uses.map((use) => {
        try {
          use(value);
          return '';
        } catch (error) {
          return (error as { code?: string }).code;
        }
      }),
    );
    pool.close();
    parentPort?.postMessage(codes);
  });
} else if (from !== undefined && to !== undefined) {
  const input = pool.channel(from);
  const output = pool.channel(to);
  for (let buffer = input.receiveSync(); buffer !== null; buffer = input.receiveSync()) {
    buffer[0] = (buffer[0] ?? 0) + 1;
    while (!output.send(buffer));
  }
  output.close();
  pool.close();
}
