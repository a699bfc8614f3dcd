// A page's worker, which measures kernels as a process of its own does in Node: the page stays alive beside it, and can end it.
import { openDevice } from '../../page/open-device.ts';
import type { Measurer } from '../kernels/despite-failures.ts';
import type { KernelsOrder, Progress } from '../kernels/kernels-order.ts';
import { measureOrder } from '../kernels/measure-order.ts';

/** What the worker says: how far it is, in words and in rows, and how it ended. */
type Message = Progress | { readonly log: string } | { readonly ended: string };

/** What a worker has of its own, and a page has not. */
interface WorkerScope {
  postMessage(message: Message): void;
  onmessage: ((event: { readonly data: KernelsOrder }) => void) | null;
}

/** Whether this module runs in a worker. */
export const isWorker: boolean = !('document' in globalThis);

/** Waits for an order, and measures. */
export function serveOrders(): void {
  const scope = globalThis as unknown as WorkerScope;
  const tell = (message: Message): void => scope.postMessage(message);
  scope.onmessage = ({ data }) => {
    measureHere(data, tell).then(
      () => tell({ ended: 'all is measured' }),
      (error: unknown) => tell({ ended: String((error as Error).message) }),
    );
  };
}

async function measureHere(order: KernelsOrder, tell: (message: Message) => void): Promise<void> {
  const device = await openDevice();
  await measureOrder(device, order, { tell, log: (log) => tell({ log }) });
  await device.close();
}

/** @param log hears what the worker does */
export const startWorker =
  (log: (line: string) => void) =>
  (order: KernelsOrder, hear: (progress: Progress) => void): Measurer => {
    const worker = new Worker(import.meta.url, { type: 'module' });
    let end: (reason: string) => void = () => {};
    const ended = new Promise<string>((resolve) => (end = resolve));
    worker.onerror = ({ message }) => end(message || 'the worker could not begin');
    worker.onmessage = ({ data }: MessageEvent<Message>) => {
      if ('log' in data) log(data.log);
      else if ('ended' in data) end(data.ended);
      else hear(data);
    };
    worker.postMessage(order);
    const stop = (): void => {
      worker.terminate();
      end('it was stopped');
    };
    return { ended: ended.finally(() => worker.terminate()), stop };
  };
