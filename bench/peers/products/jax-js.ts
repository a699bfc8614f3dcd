/** Products in jax-js, as its users write them; `.ref` keeps an array that a function would consume. */
import { adapterInUse } from '../browser.ts';
import { defaultDevice, init, numpy as np } from '@jax-js/jax';
import type { ProductPeer } from '../product-peer.ts';

export const jaxJs: ProductPeer = {
  async prepare(n, aData, bData) {
    if (!(await init('webgpu')).includes('webgpu')) throw new Error('bench: jax-js found no WebGPU device');
    defaultDevice('webgpu');
    const [a, b] = [np.array(aData).reshape([n, n]), np.array(bData).reshape([n, n])];
    return {
      adapter: adapterInUse(),
      async chain(products) {
        let c = a.ref;
        for (let i = 0; i < products; i++) c = np.matmul(c, b.ref);
        return ((await c.data()) as Float32Array).slice(0, n);
      },
      finish() {
        a.dispose();
        b.dispose();
      },
    };
  },
};
