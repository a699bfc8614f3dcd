// `lockstep pack`: a kit for machines without a network.
import { ConfigError } from '@lockstep/trainer';
import type { Target } from '../pack/target.ts';
import { say } from '../console/say.ts';

export interface PackCommandOptions {
  readonly for: Target;
  readonly out: string;
  readonly bench?: boolean;
  readonly withData?: boolean;
}

export async function packCommand(
  run: string | undefined,
  { for: target, ...options }: PackCommandOptions,
): Promise<void> {
  const here = process.env['LOCKSTEP_KIT'];
  if (here !== undefined)
    throw new ConfigError(
      `pack: expected Lockstep as npm installs it, got the kit ${here}\nhint: a kit lacks the bundler, and other machines' files`,
    );
  const { pack } = await import('../pack/pack.ts');
  const kit = await pack({ target, run, ...options });
  const list = Object.entries(kit.contents).map(([name, text]) => `${name} ${text}`);
  say(process.stdout, `${kit.file} · ${(kit.bytes / 2 ** 20).toFixed(1)} MiB · for ${target}\n${list.join(' · ')}`);
}
