// Measures kernels in processes of their own.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Measurer } from './despite-failures.ts';
import type { KernelsOrder, Progress } from './kernels-order.ts';

const child = fileURLToPath(new URL('./kernels-child.js', import.meta.url));

/** @param program another for tests */
export function startChild(order: KernelsOrder, hear: (progress: Progress) => void, program: string = child): Measurer {
  const started = fork(program, [JSON.stringify(order)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  started.on('message', hear);
  return {
    ended: new Promise((resolve) => started.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`))),
    stop: () => started.kill('SIGKILL'),
  };
}
