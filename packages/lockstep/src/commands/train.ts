// `lockstep train`: from the command line to a trained model, and one line of JSON where that is asked for.
import { Console } from 'node:console';
import { launch } from '../launch.ts';
import { type LaunchOptions, planLaunch } from '../plan-launch.ts';

export async function trainCommand(
  file: string,
  { json = false, ...options }: LaunchOptions & { json?: boolean },
): Promise<void> {
  // A run file may print; with --json nothing but the one line may go to stdout.
  if (json) globalThis.console = new Console(process.stderr);
  const result = await launch(await planLaunch(file, options), { stream: json ? process.stderr : process.stdout });
  if (!json) return;
  const { steps, loss, validationLoss = null, tokensPerSecond, workers, adapter, weightsSha256 } = result;
  process.stdout.write(
    `${JSON.stringify({ steps, loss, validationLoss, tokensPerSecond, workers, adapter, weightsSha256 })}\n`,
  );
}
