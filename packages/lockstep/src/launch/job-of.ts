// What a launcher tells the workers of a training job in their assignment.
import { hashesOf } from '@lockstep/trainer/node';
import type { RunFacts } from '../console/summary.ts';
import type { TrainJob } from '../hub/train-reports.ts';
import type { LaunchPlan } from './plan-launch.ts';

/** @param root the run's folder. */
export function jobOf(plan: LaunchPlan, { data, rows, mathematics, weights }: RunFacts, root: string): TrainJob {
  const { run, module, overrides, chosen = [], resumed, bucketBytes, memoryBytes, dumpKernels, trace } = plan;
  const checkpoint = resumed?.checkpoint && {
    path: resumed.checkpoint.path,
    hashes: hashesOf(run, resumed.record),
  };
  return {
    module,
    overrides: [...overrides, ...chosen],
    data,
    rows,
    mathematics,
    weights,
    root,
    checkpoint,
    bucketBytes,
    memoryBytes,
    dumpKernels,
    trace: trace !== undefined,
  };
}
