// How a worker's process is told which job is its own: by its environment, for everybody may read a command line. Written by
// launchers, read by whoever joins.
import { ConfigError } from '@lockstep/collectives';
import { type BridgeWish, bridgeWishes } from './choose-bridge.ts';
import type { Hub } from './hub.ts';

/** Where a job's workers meet, and what lets them in. */
export interface JobMeeting {
  readonly url: string;
  readonly token: string;
  /** The job's public id. */
  readonly job?: string | undefined;
  /** Of the hub's certificate, under TLS. */
  readonly fingerprint?: string | undefined;
  readonly bridge: BridgeWish;
}

/** The variables that {@link meetingFromEnvironment} reads. */
export function jobEnvironment({
  hub: { url, job, fingerprint },
  token,
  bridge,
  workers,
}: {
  hub: Pick<Hub, 'url' | 'job' | 'fingerprint'>;
  token: string;
  bridge: BridgeWish;
  workers: number;
}): Record<string, string> {
  return {
    LOCKSTEP_HUB: url,
    LOCKSTEP_TOKEN: token,
    LOCKSTEP_JOB: job,
    // Who is alone need not look for a fast way to others.
    LOCKSTEP_BRIDGE: bridge === 'auto' && workers === 1 ? 'ws' : bridge,
    ...(fingerprint !== undefined && { LOCKSTEP_FINGERPRINT: fingerprint }),
  };
}

/**
 * The job that this process belongs to, or nothing outside of one.
 * @param who begins the error's message.
 * @throws {ConfigError} for a job without a token, or an unknown bridge.
 */
export function meetingFromEnvironment(
  who: string,
  url: string | undefined = process.env['LOCKSTEP_HUB'],
): JobMeeting | undefined {
  const { LOCKSTEP_TOKEN: token, LOCKSTEP_JOB: job, LOCKSTEP_FINGERPRINT: fingerprint } = process.env;
  if (url === undefined) return undefined;
  if (!token) throw new ConfigError(`${who}: expected the job’s token in LOCKSTEP_TOKEN, got nothing`);
  const asked = process.env['LOCKSTEP_BRIDGE'] ?? 'auto';
  const bridge = bridgeWishes.find((name) => name === asked);
  if (bridge) return { url, token, job, fingerprint, bridge };
  throw new ConfigError(`${who}: expected LOCKSTEP_BRIDGE to be one of ${bridgeWishes.join(', ')}, got ${asked}`);
}
