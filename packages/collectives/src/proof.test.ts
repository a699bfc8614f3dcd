import { expect, test } from 'vitest';
import { nonceBytes, prove, verify } from './proof.ts';

const nonce = new Uint8Array(nonceBytes).fill(7);

test('the right token is taken, with the name', async () => {
  expect(await verify('secret', nonce, await prove('secret', nonce, 'worker-3'))).toBe('worker-3');
});

test('another token, nonce or name is not', async () => {
  const proof = await prove('secret', nonce, 'worker-3');
  expect(await verify('other', nonce, proof)).toBeUndefined();
  expect(await verify('secret', new Uint8Array(nonceBytes), proof)).toBeUndefined();
  expect(await verify('secret', nonce, proof.with(-1, 52))).toBeUndefined();
  expect(await verify('secret', nonce, proof.subarray(0, 20))).toBeUndefined();
});

test.each(['', 'a b', 'ü', 'x'.repeat(65)])('the name %j is refused', async (name) => {
  await expect(prove('secret', nonce, name)).rejects.toMatchObject({ code: 'CONFIG' });
});
