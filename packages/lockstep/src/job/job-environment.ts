// How a worker's process is told which job is its own: by its environment, for everybody may read a command line, and its
// secret by a pipe, for children and diagnostic reports get the environment. Written by launchers, read by whoever joins.
import { closeSync, readFileSync } from 'node:fs';
import { ConfigError } from '@lockstep/collectives';
import { type BridgeWish, bridgeWishes } from './choose-bridge.ts';
import type { Hub } from '../hub/hub.ts';

/** Where a job's workers meet, and what lets them in. */
export interface JobMeeting {
  readonly url: string;
  readonly token: string;
  /** The job's public id. */
  readonly job?: string | undefined;
  /** The SHA-256 of the hub's certificate in hex, under TLS. */
  readonly fingerprint?: string | undefined;
  readonly bridge: BridgeWish;
}

/** The file descriptor of a worker's process from which it reads the token. */
export const tokenDescriptor = 3;

/** The variables that {@link meetingFromEnvironment} reads; the token is written to {@link tokenDescriptor}. */
export function jobEnvironment({
  hub: { url, job, fingerprint },
  bridge,
  workers,
}: {
  hub: Pick<Hub, 'url' | 'job' | 'fingerprint'>;
  bridge: BridgeWish;
  workers: number;
}): Record<string, string> {
  return {
    LOCKSTEP_HUB: url,
    LOCKSTEP_TOKEN_FD: String(tokenDescriptor),
    LOCKSTEP_JOB: job,
    // Who is alone need not look for a fast way to others.
    LOCKSTEP_BRIDGE: bridge === 'auto' && workers === 1 ? 'ws' : bridge,
    ...(fingerprint !== undefined && { LOCKSTEP_FINGERPRINT: fingerprint }),
  };
}

/** Where the token of this process is kept for whichever copy of this module asks; a script may load another than its launcher's. */
const kept = Symbol.for('lockstep.token');

/**
 * Takes the job's token out of the environment, or out of the pipe that the environment names, so that what this process
 * starts does not inherit it. To be called before any code that is not ours.
 */
export function takeToken(): void {
  const { LOCKSTEP_TOKEN: token, LOCKSTEP_TOKEN_FD: descriptor } = process.env;
  delete process.env['LOCKSTEP_TOKEN'];
  delete process.env['LOCKSTEP_TOKEN_FD'];
  const taken = descriptor === undefined ? token : readToEnd(Number(descriptor));
  if (taken) Object.defineProperty(globalThis, kept, { value: taken, configurable: true });
}

function readToEnd(descriptor: number): string {
  try {
    const text = readFileSync(descriptor, 'utf8');
    closeSync(descriptor);
    return text;
  } catch {
    throw new ConfigError(
      `worker: expected the job’s token at descriptor LOCKSTEP_TOKEN_FD, got none at ${descriptor}`,
    );
  }
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
  takeToken();
  if (url === undefined) return undefined;
  const token = (globalThis as { [kept]?: string })[kept];
  const { LOCKSTEP_JOB: job, LOCKSTEP_FINGERPRINT: fingerprint } = process.env;
  if (!token) throw new ConfigError(`${who}: expected the job’s token in LOCKSTEP_TOKEN, got nothing`);
  const asked = process.env['LOCKSTEP_BRIDGE'] ?? 'auto';
  const bridge = bridgeWishes.find((name) => name === asked);
  if (bridge) return { url, token, job, fingerprint, bridge };
  throw new ConfigError(`${who}: expected LOCKSTEP_BRIDGE to be one of ${bridgeWishes.join(', ')}, got ${asked}`);
}
