// An order as it comes to a process.
import { z } from 'zod';
import type { KernelsOrder } from './kernels-order.ts';

export const kernelsOrderSchema: z.ZodType<KernelsOrder> = z.strictObject({
  wanted: z.array(
    z.strictObject({ op: z.string(), shape: z.string(), family: z.string(), dtype: z.enum(['f32', 'f16']) }),
  ),
  rounds: z.int().min(1),
});
