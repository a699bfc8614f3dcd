// The process in which a user's kernel runs: one that never ends, or crashes its driver, takes nobody with it.
import { openDevice } from '@lockstep/tensor/node';
import type { KernelRow } from '../bench-file.ts';
import { emptyBenchFile } from '../environment.ts';
import { measureOwnKernel } from './measure.ts';
import { orderSchema } from './order.ts';

const order = orderSchema.parse(JSON.parse(process.argv[2]!));
const device = await openDevice();
const file = await emptyBenchFile(device, { copyGbps: 0, fmaGflops: 0 });
let row: KernelRow;
try {
  row = await measureOwnKernel(device, order);
} catch (error) {
  const label = {
    op: order.kernel,
    shape: order.shape.join('x'),
    dtype: 'f32',
    family: 'own',
    constants: order.constants,
  };
  row = { ...label, status: 'failed', message: (error as Error).message };
}
process.send!({ row, file });
// A device whose kernel has failed is not waited for.
process.disconnect();
process.exit(0);
