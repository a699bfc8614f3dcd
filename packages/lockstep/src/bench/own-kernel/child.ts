// The process in which a user's kernel runs: one that never ends, or crashes its driver, takes nobody with it.
import { openDevice } from '@lockstep/tensor/node';
import { type KernelRow, unmeasuredRow } from '../bench-file.ts';
import { CeilingProbe } from '../ceilings.ts';
import { emptyBenchFile } from '../environment.ts';
import { measure } from '../measure.ts';
import { OtherProcesses } from '../other-processes.ts';
import { ownCandidate } from './candidate.ts';
import { labelOf, orderSchema } from './order.ts';

const order = orderSchema.parse(JSON.parse(process.argv[2]!));
const device = await openDevice();
let file = await emptyBenchFile(device);
let row: KernelRow | undefined;
try {
  const probe = await CeilingProbe.create(device);
  file = { ...file, timer: probe.clock.timer };
  [row] = await measure(device, [ownCandidate(order)], {
    probe,
    rounds: order.rounds,
    log: () => {},
    others: () => new OtherProcesses(),
  });
} catch (error) {
  row = unmeasuredRow(labelOf(order), 'failed', (error as Error).message);
}
process.send!({ row, file });
// A device whose kernel has failed is not waited for.
process.disconnect();
process.exit(0);
