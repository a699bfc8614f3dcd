// `lockstep train`: from the command line to a trained model, and one line of JSON where that is asked for.
import { umaskOf } from '@lockstep/trainer/node';
import { type LaunchResult, unexpected } from '../launch/outcome.ts';
import { launch } from '../launch/launch.ts';
import { endWith, goOnUnread, writeResult } from '../console/output.ts';
import { reportError } from '../console/report-error.ts';
import { type LaunchOptions, planLaunch } from '../launch/plan-launch.ts';

export async function trainCommand(
  file: string,
  { json = false, ...options }: LaunchOptions & { json?: boolean },
): Promise<void> {
  goOnUnread();
  process.umask(umaskOf(options.share ?? 'nobody')); // what is written before the run's folder is known
  // A run file may print; with --json nothing but the one line may go to stdout.
  if (json) process.stdout.write = process.stderr.write.bind(process.stderr);
  const plan = await planLaunch(file, options);
  const result = await launch(plan, { stream: json ? process.stderr : process.stdout });
  if (typeof result === 'number') return endWith(result);
  if (json) await writeResult(`${JSON.stringify(forScripts(result))}\n`);
  return endWith(result.asExpected === false ? reportError(unexpected(plan.run, result)) : 0);
}

function forScripts(result: LaunchResult): object {
  const { steps, loss, validation, tokensPerSecond, workers, adapter, weightsSha256, asExpected = null } = result;
  const { loss: validationLoss = null, metrics = {} } = validation ?? {};
  return { steps, loss, validationLoss, metrics, tokensPerSecond, workers, adapter, weightsSha256, asExpected };
}
