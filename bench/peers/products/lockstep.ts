/** Products in Lockstep, as its users write them. */
import { openDevice, ops } from 'lockstep';
import { describeAdapter } from '../peer.ts';
import type { ProductPeer } from '../product-peer.ts';

export const lockstep: ProductPeer = {
  async prepare(n, aData, bData) {
    const device = await openDevice();
    const [a, b] = [device.tensor(aData, [n, n]), device.tensor(bData, [n, n])];
    return {
      adapter: describeAdapter(device.gpu.adapterInfo),
      async chain(products) {
        const c = device.scope(() => {
          let last = a;
          for (let i = 0; i < products; i++) last = ops.matmul(last, b);
          return last;
        });
        const all = await c.read();
        c.dispose();
        return all.slice(0, n);
      },
      finish: () => device.close(),
    };
  },
};
