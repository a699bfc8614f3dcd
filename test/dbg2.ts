import * as t from '@lockstep/tensor';
import { openDevice } from '@lockstep/tensor/node';
const device = await openDevice({ deadlineMs: 1500 });
const forever = t.kernel(`@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(1) fn main() { loop { x[0] = x[0] + 1.0; if (x[1] > 5.0) { break; } } }`);
const x = device.empty([4]);
device.fill(x, 0);
try {
  device.run(forever, { y: x } as any, {}, [1]);
} catch (e) {
  console.log(String(e));
}
try {
  t.kernel('fn a() {}');
} catch (e) {
  console.log(String(e));
}
const bad = t.kernel(`@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(1) fn main() { x[0] = foo; }`);
device.run(bad, { x }, {}, [1]);
try {
  await x.read();
} catch (e) {
  console.log(String(e));
}
console.log(await x.read());
device.run(forever, { x }, {}, [1]);

await x.read();
