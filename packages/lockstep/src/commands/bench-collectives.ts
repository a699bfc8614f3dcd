// `lockstep bench collectives`: how fast workers reduce, in nccl-tests' columns.
import { fileURLToPath } from 'node:url';
import type { CollectivesOrder } from '../bench/collectives-worker.ts';
import { runScript, type ScriptJob } from '../launch/run-script.ts';

export type BenchCollectivesOptions = CollectivesOrder & Pick<ScriptJob, 'workers' | 'bridge'>;

const script = fileURLToPath(new URL('../bench/collectives-worker.js', import.meta.url));

export async function benchCollectivesCommand({ workers, bridge, ...order }: BenchCollectivesOptions): Promise<void> {
  const args = [JSON.stringify(order satisfies CollectivesOrder)];
  const module = { path: script, environment: {} };
  process.exitCode = await runScript({
    who: 'bench collectives',
    script,
    args,
    module,
    workers,
    bridge,
    prefixed: false,
  });
}
