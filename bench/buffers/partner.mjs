// The other thread of an exchange: gives back what it gets.
import { parentPort, workerData } from 'node:worker_threads';
import { BufferPool } from '../../dist/buffers/index.js';

const { way, handle, from, to } = workerData;
const pool = BufferPool.attach(handle);
if (way === 'ring') {
  const input = pool.channel(from);
  const output = pool.channel(to);
  for (let buffer = input.receiveSync(); buffer !== null; buffer = input.receiveSync()) {
    buffer[0] += 1;
    while (!output.send(buffer));
  }
} else {
  parentPort.on('message', (message) => {
    if (way === 'token') {
      const buffer = pool.fromToken(message);
      buffer[0] += 1;
      parentPort.postMessage(pool.token(buffer));
    } else {
      message[0] += 1;
      parentPort.postMessage(message, way === 'transfer' ? [message.buffer] : []);
    }
  });
}
