// `lockstep pack`: a kit for machines without a network.
import { pack } from '../pack/pack.ts';
import type { Target } from '../pack/target.ts';
import { say } from '../say.ts';

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
  const kit = await pack({ target, run, ...options });
  const list = Object.entries(kit.contents).map(([name, text]) => `${name} ${text}`);
  say(process.stdout, `${kit.file} · ${(kit.bytes / 2 ** 20).toFixed(1)} MiB · for ${target}\n${list.join(' · ')}`);
}
