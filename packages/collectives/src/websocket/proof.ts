// How both ends of a connection show that they know the job's token without saying it: HMAC-SHA256 (RFC 2104) over what
// they have just told each other. The same in Node and in a browser.
//
//   accepting side → challenge   its nonce
//   dialing side   → proof       its nonce, MAC, job (if it was told one), name
//   accepting side → accept      MAC, job
//
// A MAC covers the side that speaks, the purpose, the protocol's version, both nonces, the job and the name; so none can
// be used again, elsewhere, or by the other side. Between two members it is made under a secret that only they share
// beside the token (node/identity.ts), so it also proves which member speaks. From the same secrets and nonces both sides
// derive the keys to which all later messages are bound: HKDF-SHA256 (RFC 5869).

import { closeCode } from '../close-code.ts';
import { ConfigError } from '@lockstep/errors';
import { ProtocolError } from '../protocol-error.ts';
import type { ConnectionKeys } from './bound-socket.ts';
import { protocolVersion } from './frame.ts';
import { concat as concatenate } from './tags.ts';

const nonceBytes = 32;
const macBytes = 32;
/** The length of a key of AES-256. */
const keyBytes = 32;
const namePattern = /^[\w.-]{1,64}$/;

/** What a connection is for: to join a job at its hub, or to send to the worker of a name. */
export type Purpose = 'hub' | `worker ${string}`;

export interface Secret {
  readonly token: string;
  readonly purpose: Purpose;
  /** What only the two members know between whom the connection is. */
  readonly shared?: Uint8Array | undefined;
}

/** What the dialing side says of itself. */
export interface Claim {
  readonly nonce: Uint8Array;
  /** The job's public id; empty where it was not told one. */
  readonly job: string;
  readonly name: string;
}

export function makeNonce(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(nonceBytes));
}

/** Whether a worker or a job may be called so. */
export function isName(name: string): boolean {
  return namePattern.test(name);
}

/** The payload of a proof frame. Throws `ConfigError` for a name or job that nobody would take. */
export async function prove(secret: Secret, challenge: Uint8Array, claim: Claim): Promise<Uint8Array> {
  if (!isName(claim.name))
    throw new ConfigError(`connect: expected a name of 1 to 64 letters, digits, _ . or -, got '${claim.name}'`);
  if (claim.job !== '' && !isName(claim.job))
    throw new ConfigError(`connect: expected a job of 1 to 64 letters, digits, _ . or -, got '${claim.job}'`);
  const [job, name] = [encode(claim.job), encode(claim.name)];
  const mac = await sign(secret, transcript('dial', secret, challenge, claim));
  return concat(claim.nonce, mac, Uint8Array.of(job.length), job, name);
}

/** A checked proof: what it claims, and the secret that bears it out. */
export interface Proven {
  readonly claim: Claim;
  readonly secret: Secret;
}

/**
 * What a proof claims, if the secret that belongs to its name bears it out and it is meant for `job`. WebCrypto compares in
 * constant time. Throws `ProtocolError` with the reason to close otherwise.
 */
export async function checkProof(
  secretOf: (name: string) => Secret | undefined,
  { challenge, proof, job }: { challenge: Uint8Array; proof: Uint8Array; job: string },
): Promise<Proven> {
  const claim = readProof(proof);
  if (claim.job !== '' && claim.job !== job)
    throw new ProtocolError(`expected job ${job}, got job ${claim.job}`, closeCode.wrongJob);
  const mac = proof.slice(nonceBytes, nonceBytes + macBytes);
  const secret = secretOf(claim.name);
  if (!secret || !(await verify(secret, mac, transcript('dial', secret, challenge, claim))))
    throw new ProtocolError('expected proof of the token, got a wrong one', closeCode.wrongToken);
  return { claim, secret };
}

function readProof(proof: Uint8Array): Claim {
  const fixed = nonceBytes + macBytes + 1;
  const jobEnd = fixed + (proof[fixed - 1] ?? 0);
  const [job, name] = [decode(proof.subarray(fixed, jobEnd)), decode(proof.subarray(jobEnd))];
  if (proof.length <= jobEnd || !isName(name) || (job !== '' && !isName(job)))
    throw new ProtocolError('expected a proof with a name, got other bytes');
  return { nonce: proof.slice(0, nonceBytes), job, name };
}

/** The payload of an accept frame. */
export async function proveAcceptance(
  secret: Secret,
  { challenge, claim, job }: { challenge: Uint8Array; claim: Claim; job: string },
): Promise<Uint8Array> {
  return concat(await sign(secret, transcript('accept', secret, challenge, { ...claim, job })), encode(job));
}

/** The job whose acceptance this is; undefined when it proves nothing. */
export async function checkAcceptance(
  secret: Secret,
  { challenge, claim, acceptance }: { challenge: Uint8Array; claim: Claim; acceptance: Uint8Array },
): Promise<string | undefined> {
  const job = decode(acceptance.subarray(macBytes));
  if (!isName(job) || (claim.job !== '' && claim.job !== job)) return undefined;
  const signed = transcript('accept', secret, challenge, { ...claim, job });
  return (await verify(secret, acceptance.slice(0, macBytes), signed)) ? job : undefined;
}

/** The keys of both directions, as the dialing side sees them; the other side turns them round. */
export async function deriveKeys(
  secret: Secret,
  { challenge, claim, job }: { challenge: Uint8Array; claim: Claim; job: string },
): Promise<ConnectionKeys> {
  const base = await subtle().importKey('raw', rawKey(secret), 'HKDF', false, ['deriveBits']);
  const info = transcript('keys', secret, challenge, { ...claim, job });
  const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: concat(challenge, claim.nonce), info };
  const bits = new Uint8Array(await subtle().deriveBits(hkdf, base, 2 * 8 * keyBytes));
  return { send: bits.slice(0, keyBytes), receive: bits.slice(keyBytes) };
}

/** What a challenge has to be, for nothing else is answered. */
export function isNonce(bytes: Uint8Array): boolean {
  return bytes.length === nonceBytes;
}

/** Every field ends where its length says, so that no two transcripts have the same bytes. */
function transcript(side: string, { purpose }: Secret, challenge: Uint8Array, claim: Claim): Uint8Array<ArrayBuffer> {
  const fields = [encode(`lockstep ${protocolVersion}`), encode(side), encode(purpose), challenge, claim.nonce];
  const all = [...fields, encode(claim.job), encode(claim.name)];
  return concat(...all.flatMap((field) => [Uint8Array.of(field.length), field]));
}

async function sign(secret: Secret, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await subtle().sign('HMAC', await keyOf(secret), bytes));
}

async function verify(secret: Secret, mac: Uint8Array<ArrayBuffer>, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  return subtle().verify('HMAC', await keyOf(secret), mac, bytes);
}

function keyOf(secret: Secret): Promise<CryptoKey> {
  const hmac = { name: 'HMAC', hash: 'SHA-256' };
  return subtle().importKey('raw', rawKey(secret), hmac, false, ['sign', 'verify']);
}

/** A shared secret has one length, and a purpose that no other has. */
const rawKey = ({ token, shared }: Secret): Uint8Array<ArrayBuffer> =>
  concat(...(shared ? [shared] : []), encode(token));

function subtle(): SubtleCrypto {
  // Browsers give it only to pages of which they know where they come from.
  if (crypto.subtle) return crypto.subtle;
  throw new ConfigError(
    'connect: expected a page that came over https or from this machine, got one without WebCrypto\nhint: serve it from https://… or http://127.0.0.1',
  );
}

const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const concat = (...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => concatenate(parts);
