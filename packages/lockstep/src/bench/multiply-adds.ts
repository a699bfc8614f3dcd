// Multiplications with additions that depend on nothing but themselves: what an adapter computes at best, and what its clock is looked
// at by. Every result is stored, so that no compiler leaves anything out.
import { type Device, kernel, type Program } from '@lockstep/tensor';

/** Sixteen chains of four numbers each: enough for any pipeline's depth. */
const chains = 16;
const rounds = 1024;
/** Invocations of a workgroup. */
const lanesEach = 64;

const fma = kernel(
  `struct Params { rounds: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@compute @workgroup_size(${lanesEach})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let a = vec4f(0.999 + f32(id.x % 7u) * 1e-4);
  ${Array.from({ length: chains }, (_, i) => `var v${i} = vec4f(f32(id.x + ${i}u));`).join('\n  ')}
  for (var round = 0u; round < params.rounds; round++) {
    ${Array.from({ length: chains }, (_, i) => `v${i} = fma(v${i}, a, a);`).join('\n    ')}
  }
  ${Array.from({ length: chains }, (_, i) => `y[id.x * ${chains}u + ${i}u] = v${i};`).join('\n  ')}
}`,
  { name: 'fmaCeiling' },
);

/** Work whose cost is known. */
export interface Work {
  readonly program: Program;
  readonly flops: number;
  readonly bytes: number;
  /** Gives the device its memory back. */
  readonly dispose: () => void;
}

/** @param lanes a multiple of 64 */
export async function multiplyAdds(device: Device, lanes: number): Promise<Work> {
  const y = device.empty([4 * chains * lanes]);
  const program = await device.capture(() => device.run(fma, { y }, { rounds }, [lanes / lanesEach]));
  await device.submit([program]);
  const dispose = (): void => {
    program.dispose();
    y.dispose();
  };
  return { program, flops: 2 * 4 * chains * rounds * lanes, bytes: y.byteLength, dispose };
}
