// What tests of ops that follow a product have in common: tensors, and a way to run the same work op by op and captured.
import { type Device, noise, ops, type Program, type Tensor } from '@lockstep/tensor';
import { device } from './gpu.ts';

export const rows = 5;
export const inner = 7;
export const columns = 12;

let seed = 0;
export function numbers(
  shape: readonly number[],
  { on = device, shards }: { on?: Device; shards?: number } = {},
): Tensor {
  const size = shape.reduce((product, length) => product * length, shards ?? 1);
  return on.tensor(Float32Array.from(noise(size, ++seed)), shape, { shards });
}

export const namesOf = ({ dispatches }: Program): string[] => dispatches.map(({ kernel }) => kernel);

/** Whether a kernel is that of a product with ops that follow it. */
export const followed = (kernel: string): boolean => /^matmul\w*?_/.test(kernel);

/** What `work` gives when it runs once, products by themselves, and when it is captured. */
export async function bothWays(
  work: () => readonly Tensor[],
  on: Device = device,
): Promise<{ apart: unknown; together: unknown; kernels: string[] }> {
  const once = on.scope(work);
  const apart = await on.read([...once]);
  const program = await on.capture(work);
  const together = await on.submit([program, ...program.result]);
  return { apart, together, kernels: namesOf(program) };
}

export const x: Tensor = numbers([2, rows, inner], { shards: 2 });
export const weight: Tensor = numbers([inner, columns]);
export const bias: Tensor = numbers([columns]);
export const beside: Tensor = numbers([2, rows, columns], { shards: 2 });

/** A kernel of fixed text that reads what stands before it. */
export const after = (y: Tensor): Tensor => ops.rmsNorm(y);
