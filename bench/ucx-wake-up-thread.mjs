// The thread that ucx-wake-up.ts measures the distance to: it wakes the main thread in the way it was asked for, waits
// for an answer, and does so again.
// @ts-check
import { workerData } from 'node:worker_threads';
import koffi from 'koffi';

const { memory, way, fd, port, rounds } = workerData;
const words = new Int32Array(memory);
const stamp = new Float64Array(memory, 8, 1);
const nap = new Int32Array(new SharedArrayBuffer(4));
const write = koffi.load('libc.so.6').func('intptr_t write(int, void *, size_t)');
const one = new BigUint64Array([1n]);

for (let i = 0; i < rounds; i++) {
  while (Atomics.load(words, 1) !== i) Atomics.wait(nap, 0, 0, 0.05);
  // Until the main thread sleeps.
  Atomics.wait(nap, 0, 0, 2);
  stamp[0] = Number(process.hrtime.bigint()) / 1000;
  if (way === 'Atomics.notify') {
    Atomics.store(words, 0, i + 1);
    Atomics.notify(words, 0);
  } else if (way === 'MessagePort') port.postMessage(0);
  else write(fd, one, way === 'eventfd' ? 8 : 1);
}
