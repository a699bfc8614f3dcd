// The UCX bridge over shared memory. Over RDMA, packages/rdma/vm does the same.

import { expect, test } from 'vitest';
import { openUcx } from '../packages/rdma/src/open-ucx.ts';
import { checkUcx, sharedMemory } from './check-ucx.ts';

const missing = await openUcx({ tls: 'self' }).then(
  (ucx) => ucx.close(),
  (error: Error) => error.message,
);

if (missing) {
  test.skip(`the UCX bridge: ${missing}`, () => {});
} else {
  checkUcx('UCX over shared memory', sharedMemory);
}

test('the UCX bridge says what to install where the library is not there', async () => {
  const opening = openUcx({ library: 'libucp-that-is-not-there.so.0' });
  await expect(opening).rejects.toMatchObject({ code: 'CONFIG', message: expect.stringContaining('libucx0') });
});
