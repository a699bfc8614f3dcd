/** Products in TensorFlow.js on its WebGPU backend, as its users write them. */
import { adapterInUse } from '../browser.ts';
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-webgpu';
import type { ProductPeer } from '../product-peer.ts';

export const tfjs: ProductPeer = {
  async prepare(n, aData, bData) {
    if (!(await tf.setBackend('webgpu'))) throw new Error('bench: tfjs found no WebGPU device');
    const [a, b] = [tf.tensor2d(aData, [n, n]), tf.tensor2d(bData, [n, n])];
    return {
      adapter: adapterInUse(),
      async chain(products) {
        const c = tf.tidy(() => {
          let last: tf.Tensor2D = a;
          for (let i = 0; i < products; i++) last = tf.matMul(last, b);
          return last;
        });
        const all = (await c.data()) as Float32Array;
        c.dispose();
        return all.slice(0, n);
      },
      finish: () => tf.dispose([a, b]),
    };
  },
};
