/**
 * Products in ONNX Runtime with its own WebGPU, which runs graphs and nothing else: a chain is a model of as many MatMul nodes, written here
 * in ONNX's format (protocol buffers). Its adapter it does not tell: it takes the system's, as the others do.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ProductPeer } from '../product-peer.ts';

export const onnxRuntime: ProductPeer = {
  async prepare(n, aData, bData) {
    const a = new Tensor('float32', aData, [n, n]);
    const sessions = new Map<number, InferenceSession>();
    return {
      async chain(products) {
        let session = sessions.get(products);
        if (!session) {
          session = await InferenceSession.create(model(n, bData, products), { executionProviders: ['webgpu'] });
          sessions.set(products, session);
        }
        const { y } = await session.run({ x: a });
        return ((await y!.getData()) as Float32Array).slice(0, n);
      },
      async finish() {
        for (const session of sessions.values()) await session.release();
      },
    };
  },
};

/** ModelProto of y = x·b·b…, f32; field numbers are those of onnx.proto. */
function model(n: number, b: Float32Array, products: number): Uint8Array {
  const name = (i: number): string => (i === 0 ? 'x' : i === products ? 'y' : `c${i}`);
  const nodes = Array.from({ length: products }, (_, i) =>
    field(1, [text(1, name(i)), text(1, 'b'), text(2, name(i + 1)), text(4, 'MatMul')]),
  );
  const bytes = Buffer.from(b.buffer, b.byteOffset, b.byteLength);
  const weights = field(5, [whole(1, n), whole(1, n), whole(2, float32), text(8, 'b'), raw(9, bytes)]);
  const graph = field(7, [...nodes, text(2, 'chain'), weights, field(11, value('x', n)), field(12, value('y', n))]);
  return Buffer.concat([whole(1, irVersion), graph, field(8, [whole(2, opset)])]);
}

const [irVersion, opset, float32] = [8, 17, 1];

/** ValueInfoProto of an n × n tensor. */
function value(name: string, n: number): Buffer[] {
  const axis = field(1, [whole(1, n)]);
  return [text(1, name), field(2, [field(1, [whole(1, float32), field(2, [axis, axis])])])];
}

const varint = (number: number): number[] =>
  number < 128 ? [number] : [(number % 128) + 128, ...varint(Math.floor(number / 128))];
const whole = (id: number, number: number): Buffer => Buffer.from([8 * id, ...varint(number)]);
const raw = (id: number, bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from([8 * id + 2, ...varint(bytes.length)]), bytes]);
const text = (id: number, words: string): Buffer => raw(id, Buffer.from(words));
const field = (id: number, parts: Buffer[]): Buffer => raw(id, Buffer.concat(parts));
