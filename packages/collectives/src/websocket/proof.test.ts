import { expect, test } from 'vitest';
import {
  checkAcceptance,
  checkProof,
  type Claim,
  deriveKeys,
  makeNonce,
  prove,
  proveAcceptance,
  type Secret,
} from './proof.ts';

const secret: Secret = { token: 'secret', purpose: 'hub' };
const challenge = makeNonce();
const claim: Claim = { nonce: makeNonce(), job: 'moby', name: 'worker-3' };
const job = 'moby';

test('the right token is taken, with the name', async () => {
  const proof = await prove(secret, challenge, claim);
  expect(await checkProof(() => secret, { challenge, proof, job })).toEqual({ claim, secret });
});

test('a job need not be named', async () => {
  const proof = await prove(secret, challenge, { ...claim, job: '' });
  expect((await checkProof(() => secret, { challenge, proof, job })).claim).toEqual({ ...claim, job: '' });
});

test('another token, purpose, nonce or name is not', async () => {
  const proof = await prove(secret, challenge, claim);
  const refused = (change: object, from: Secret = secret): Promise<void> =>
    expect(checkProof(() => from, { challenge, proof, job, ...change })).rejects.toMatchObject({ closeCode: 4001 });
  await refused({}, { ...secret, token: 'other' });
  await refused({}, { ...secret, purpose: 'worker worker-3' });
  await refused({}, { ...secret, shared: new Uint8Array(32) });
  await refused({ challenge: makeNonce() });
  await refused({ proof: proof.with(0, proof[0]! ^ 1) });
  await refused({ proof: proof.with(-1, 52) });
});

test('another job is told apart from a wrong token', async () => {
  const proof = await prove({ ...secret, token: 'other' }, challenge, { ...claim, job: 'other' });
  await expect(checkProof(() => secret, { challenge, proof, job })).rejects.toMatchObject({ closeCode: 4009 });
});

test.each([0, 40, 65, 66])('%d other bytes are malformed', async (length) => {
  const proof = new Uint8Array(length);
  await expect(checkProof(() => secret, { challenge, proof, job })).rejects.toMatchObject({ closeCode: 4003 });
});

test('the accepting side proves itself too, and names the job', async () => {
  const unnamed = { ...claim, job: '' };
  const acceptance = await proveAcceptance(secret, { challenge, claim: unnamed, job });
  expect(await checkAcceptance(secret, { challenge, claim: unnamed, acceptance })).toBe(job);
});

test('who only repeats what it heard has proved nothing', async () => {
  const proof = await prove(secret, challenge, claim);
  const echoed = Uint8Array.of(...proof.subarray(32, 64), ...new TextEncoder().encode(job));
  expect(await checkAcceptance(secret, { challenge, claim, acceptance: echoed })).toBeUndefined();
  const other = await proveAcceptance({ ...secret, token: 'other' }, { challenge, claim, job });
  expect(await checkAcceptance(secret, { challenge, claim, acceptance: other })).toBeUndefined();
  const elsewhere = await proveAcceptance(secret, { challenge, claim, job: 'elsewhere' });
  expect(await checkAcceptance(secret, { challenge, claim, acceptance: elsewhere })).toBeUndefined();
});

test.each(['', 'a b', 'ü', 'x'.repeat(65)])('the name %j is refused', async (name) => {
  await expect(prove(secret, challenge, { ...claim, name })).rejects.toMatchObject({ code: 'CONFIG' });
});

test('both sides derive the same keys, one for each direction, from all that they agreed on', async () => {
  const agreed = { challenge, claim, job };
  const keys = await deriveKeys(secret, agreed);
  expect(await deriveKeys({ ...secret }, agreed)).toEqual(keys);
  expect(keys.send).not.toEqual(keys.receive);
  for (const [from, change] of [
    [{ ...secret, token: 'other' }, {}],
    [{ ...secret, purpose: 'worker a' }, {}],
    [{ ...secret, shared: new Uint8Array(32) }, {}],
    [secret, { challenge: makeNonce() }],
    [secret, { claim: { ...claim, nonce: makeNonce() } }],
    [secret, { claim: { ...claim, name: 'worker-4' } }],
    [secret, { job: 'other' }],
  ] as const)
    expect((await deriveKeys(from, { ...agreed, ...change })).send).not.toEqual(keys.send);
});
