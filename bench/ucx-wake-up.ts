/** How long it takes until the main thread runs after another thread wants it to, for each way there is in Node 20. */
import { once } from 'node:events';
import { Socket, type SocketConstructorOpts } from 'node:net';
import { MessageChannel, Worker } from 'node:worker_threads';
import koffi from 'koffi';

const ways = ['eventfd', 'pipe', 'Atomics.notify', 'MessagePort'] as const;
type Way = (typeof ways)[number];

const rounds = 400;
const nonBlocking = 0o4000;

interface Listener {
  /** For the thread. */
  readonly fd?: number;
  readonly port?: MessageChannel['port2'];
  close(): void;
}

/** @returns microseconds of all rounds, for each way. */
export async function measureWakeUps(): Promise<Record<Way, number[]>> {
  const times = { eventfd: [], pipe: [], 'Atomics.notify': [], MessagePort: [] } as Record<Way, number[]>;
  // Twice in turns: what else the machine does hits all of them.
  for (const way of [...ways, ...ways]) times[way].push(...(await measure(way)));
  return times;
}

async function measure(way: Way): Promise<number[]> {
  const memory = new SharedArrayBuffer(16);
  const words = new Int32Array(memory);
  const stamp = new Float64Array(memory, 8, 1);
  const times: number[] = [];
  let finish = (): void => {};
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const onWake = (): void => {
    times.push(Number(process.hrtime.bigint()) / 1000 - stamp[0]!);
    Atomics.store(words, 1, times.length);
    if (times.length === rounds) finish();
  };
  const listener = listen(way, words, onWake);
  const workerData = { memory, way, rounds, fd: listener.fd, port: listener.port };
  const transferList = listener.port ? [listener.port] : [];
  const thread = new Worker(new URL('ucx-wake-up-thread.mjs', import.meta.url), { workerData, transferList });
  const ended = once(thread, 'exit');
  await finished;
  await ended;
  listener.close();
  return times;
}

function listen(way: Way, words: Int32Array, onWake: () => void): Listener {
  if (way === 'eventfd') return listenToEventFd(onWake);
  if (way === 'pipe') return listenToPipe(onWake);
  if (way === 'MessagePort') return listenToPort(onWake);
  return listenToAtomics(words, onWake);
}

function listenToEventFd(onWake: () => void): Listener {
  const libc = koffi.load('libc.so.6');
  const read = libc.func('intptr_t read(int, void *, size_t)');
  const close = libc.func('int close(int)');
  const count = new BigUint64Array(1);
  const fd = libc.func('int eventfd(uint, int)')(0, nonBlocking) as number;
  const poll = koffi.node.poll(fd, () => {
    read(fd, count, 8);
    onWake();
  });
  const stop = (): void => {
    poll.close();
    close(fd);
  };
  return { fd, close: stop };
}

function listenToPipe(onWake: () => void): Listener {
  const fds = new Int32Array(2);
  koffi.load('libc.so.6').func('int pipe2(void *, int)')(fds, nonBlocking);
  const onread = { buffer: Buffer.alloc(64), callback: () => (onWake(), true) };
  // Node takes `onread` here as it does in `connect`, whose options alone are typed so.
  const options: SocketConstructorOpts & { onread: typeof onread } = {
    fd: fds[0]!,
    readable: true,
    writable: false,
    onread,
  };
  const socket = new Socket(options);
  socket.read(0);
  return { fd: fds[1]!, close: () => socket.destroy() };
}

function listenToPort(onWake: () => void): Listener {
  const { port1, port2 } = new MessageChannel();
  port1.on('message', onWake);
  return { port: port2, close: () => port1.close() };
}

function listenToAtomics(words: Int32Array, onWake: () => void): Listener {
  // ES2024, which the types of this project do not have yet.
  const { waitAsync } = Atomics as unknown as {
    waitAsync(this: void, array: Int32Array, index: number, value: number): { async: boolean; value: Promise<string> };
  };
  let open = true;
  const loop = async (): Promise<void> => {
    for (let seen = 0; open; seen = Atomics.load(words, 0)) {
      const wait = waitAsync(words, 0, seen);
      if (wait.async) await wait.value;
      if (open) onWake();
    }
  };
  void loop();
  const stop = (): void => {
    open = false;
    Atomics.notify(words, 0);
  };
  return { close: stop };
}
