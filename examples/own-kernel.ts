// A kernel of one's own, with its derivative, as an op: WGSL from a string and from a file, checked against its definition in f64, and timed.
import { benchKernel, checkOp, defineOp, kernel, openDevice, type Tensor } from 'lockstep';

const source = /* wgsl */ `
struct Params { size: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.size) { let v = x[id.x]; y[id.x] = v * v / (1.0 + abs(v)); }
}`;
const forward = kernel(source, { name: 'squash' });
const backward = kernel(new URL('./own_kernel_backward.wgsl', import.meta.url));

/** `x² / (1 + |x|)` */
const squash = defineOp<[x: Tensor]>({
  name: 'squash',
  shape: ([x]) => x,
  forward: (device, [x], y) => device.run(forward, { x, y }, { size: x.size }, [Math.ceil(x.size / 256)]),
  reads: [0],
  backward: (device, { inputs: [x], dy, gradient }) =>
    device.run(backward, { x, dy, dx: gradient(0) }, { size: x.size }, [Math.ceil(x.size / 256)]),
  reference: (v: number) => (v * v) / (1 + Math.abs(v)),
});

const device = await openDevice();
const { judgements } = await checkOp(device, squash, { shapes: [[1], [37], [257, 3]] });
const y = squash(device.tensor(Float32Array.of(-2, 0, 3)));
console.log(`${judgements} judgements hold; squash of -2, 0, 3 is ${[...(await y.read())].join(', ')}`);
console.log(await benchKernel(device, squash, { shape: [2048, 4096] })); // µs, GB/s, % of what this adapter can copy
await device.close();
