// `lockstep train`: from the command line to a trained model, and one line of JSON where that is asked for.
import { umaskOf } from '@lockstep/trainer/node';
import { launch } from '../launch.ts';
import { type LaunchOptions, planLaunch } from '../plan-launch.ts';

export async function trainCommand(
  file: string,
  { json = false, ...options }: LaunchOptions & { json?: boolean },
): Promise<void> {
  const print = process.stdout.write.bind(process.stdout);
  process.umask(umaskOf(options.share ?? 'nobody')); // what is written before the run's folder is known
  // A run file may print; with --json nothing but the one line may go to stdout.
  if (json) process.stdout.write = process.stderr.write.bind(process.stderr);
  const result = await launch(await planLaunch(file, options), { stream: json ? process.stderr : process.stdout });
  if (!json) return;
  const { steps, loss, validationLoss = null, tokensPerSecond, workers, adapter, weightsSha256 } = result;
  print(`${JSON.stringify({ steps, loss, validationLoss, tokensPerSecond, workers, adapter, weightsSha256 })}\n`);
}
