// The UCX bridge over TCP on the loopback device and over shared memory.

import { openUcx } from '../packages/rdma/src/open-ucx.ts';
import { checkTransport } from './check-transport.ts';

const fabrics = {
  'UCX over TCP': { tls: 'tcp', netDevices: 'lo' },
  'UCX over shared memory': { tls: 'posix,sysv,cma,self' },
};

for (const [name, options] of Object.entries(fabrics)) {
  checkTransport(name, async (size) => {
    const workers = await Promise.all(Array.from({ length: size }, () => openUcx(options)));
    const addresses = workers.map(({ address }) => address);
    const transports = workers.map((worker, rank) => worker.connect({ rank, addresses }));
    const killed = new Set<number>();
    return {
      transports,
      kill: (rank) => {
        killed.add(rank);
        workers[rank]!.abandon();
        // In one process nobody notices that a thread ends; the hub tells.
        for (const transport of transports) if (transport.rank !== rank) transport.lose(rank);
      },
      close: async () => {
        await Promise.all(workers.filter((_, rank) => !killed.has(rank)).map((worker) => worker.close()));
      },
    };
  });
}
