// The process in which kernels are measured: one that never ends, or crashes its driver, takes nobody with it.
import { openDevice } from '@lockstep/tensor/node';
import { say } from '../../console/say.ts';
import { OtherProcesses } from '../other-processes.ts';
import { kernelsOrderSchema } from './kernels-order-schema.ts';
import { measureOrder } from './measure-order.ts';

const order = kernelsOrderSchema.parse(JSON.parse(process.argv[2]!));
await measureOrder(await openDevice(), order, {
  tell: (progress) => void process.send!(progress),
  log: (line) => say(process.stderr, line),
  others: () => new OtherProcesses(),
});
// What a failed kernel has left behind is not waited for.
process.disconnect();
process.exit(0);
