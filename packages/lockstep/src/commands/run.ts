// `lockstep run`: any script in several workers.
import { stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { ConfigError } from '@lockstep/collectives';
import { keepScript } from '../bundle/keep-script.ts';
import type { BridgeWish } from '../job/choose-bridge.ts';
import { moduleExtensions } from '../load/import-module.ts';
import { goOnUnread } from '../console/output.ts';
import { trainerEnvironment } from '../job/trainer-wishes.ts';
import { runScript } from '../launch/run-script.ts';

export interface RunCommandOptions {
  readonly workers: number;
  readonly bridge: BridgeWish;
  /** Where a trainer of the script writes, and whether it goes on. */
  readonly out?: string;
  readonly resume?: boolean;
  readonly force?: boolean;
}

export async function runCommand(
  file: string,
  args: readonly string[],
  { workers, bridge, ...wishes }: RunCommandOptions,
): Promise<void> {
  const script = await findScript(file);
  goOnUnread();
  const { path, environment } = await keepScript(script);
  const module = { path, environment: { ...environment, ...trainerEnvironment(wishes) } };
  process.exitCode = await runScript({ who: 'run', script, args, module, workers, bridge, prefixed: workers > 1 });
}

/** The path of a script. @throws {ConfigError} where there is none. */
async function findScript(file: string): Promise<string> {
  const path = resolve(file);
  const status = await stat(path).catch(() => undefined);
  if (!status)
    throw new ConfigError(`run: expected a script, got ${file}, which does not exist\nhint: it would be ${path}`);
  if (!status.isFile())
    throw new ConfigError(`run: expected a script, got ${file}, which is a folder\nhint: name a file in it`);
  if (!moduleExtensions.includes(extname(path)))
    throw new ConfigError(
      `run: expected a script, got ${file}\nhint: its name ends with ${moduleExtensions.join(', ')}`,
    );
  return path;
}
