// Loaded before the script in every process of a job: worker-1 joins with an address over UCX that names another process of this user, whose
// memory the others would read then.
import { readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { connect } from '@lockstep/collectives/node';
import { openUcx } from '@lockstep/rdma';
import { decodeAddress, encodeAddress, encodeBody } from '../../../packages/rdma/dist/address.js';

const { env } = process;
if (isMainThread && env.LOCKSTEP_NAME === 'worker-1') {
  const token = readFileSync(Number(env.LOCKSTEP_TOKEN_FD), 'utf8');
  const { address, host, room, version, hasRdma } = await openUcx({ secret: token });
  const minor = version.split('.', 2).join('.');
  const { ucx, voucher, ...own } = decodeAddress(1, address, minor);
  const length = Buffer.from(address).readUInt16LE(6);
  const forged = encodeAddress(
    encodeBody({ ...own, ucx: ucx.subarray(0, length), pid: Number(env.HOSTILE_VICTIM) }),
    voucher,
  );
  const session = await connect({
    url: env.LOCKSTEP_HUB,
    token,
    name: 'worker-1',
    addresses: {
      ucx: Buffer.from(forged).toString('base64'),
      'ucx-rdma': String(hasRdma),
      'ucx-version': minor,
      'ucx-room': String(room),
      'ucx-host': host,
    },
  });
  await session.ended;
  process.exit(0);
}
