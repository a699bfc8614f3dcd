// The dialing side of a connection: it proves that it knows the job's token, and believes nothing before the other side
// has proved the same. See proof.ts.

import type { Connection } from './connection.ts';
import { ConfigError } from '@lockstep/errors';
import { ProtocolError } from '../protocol-error.ts';
import { encodeFrame, type FrameKind, payloadOf } from './frame.ts';
import { checkAcceptance, type Claim, deriveKeys, isNonce, makeNonce, prove, type Secret } from './proof.ts';

export interface HandshakeOptions extends Secret {
  readonly name: string;
  /** The public id of the job that is meant; any by default. */
  readonly job?: string | undefined;
}

/**
 * Resolves with the job when both sides have shown that they know the token; the connection is bound to that, and frames
 * that follow are held until somebody reads. Rejects with `ConfigError` where the other side does not know it, with `ProtocolError` where it says something
 * else or ends.
 */
export async function shakeHands(connection: Connection, options: HandshakeOptions): Promise<string> {
  const challenge = await expectFrame(connection, 'challenge');
  if (!isNonce(challenge))
    throw new ProtocolError(`connect: expected a challenge of its one length, got ${challenge.length} bytes`);
  const claim: Claim = { nonce: makeNonce(), job: options.job ?? '', name: options.name };
  connection.outbox.post(encodeFrame('proof', await prove(options, challenge, claim)));
  const acceptance = await expectFrame(connection, 'accept');
  const job = await checkAcceptance(options, { challenge, claim, acceptance });
  if (job === undefined)
    throw new ConfigError(
      'connect: expected a proof that the other side knows the token, got a wrong one\nhint: something else listens there',
    );
  connection.bind(await deriveKeys(options, { challenge, claim, job }));
  return job;
}

async function expectFrame(connection: Connection, kind: FrameKind): Promise<Uint8Array> {
  const frame = await connection.next();
  if (frame.kind !== kind) throw new ProtocolError(`connect: expected a frame of ${kind}, got one of ${frame.kind}`);
  return payloadOf(frame);
}
