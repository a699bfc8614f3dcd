// What products of subgroup matrices reach at best, where an adapter has them (WGSL's `chromium_experimental_subgroup_matrix`). They are
// experimental: a process of its own measures them, and whatever goes wrong there, there is no such ceiling.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface MatrixCeiling {
  /** Types and sizes, such as `f16 → f32, 16 × 16 × 16`. */
  readonly form: string;
  readonly gflops: number;
}

/** A kind of product that an adapter offers. */
export interface MatrixForm {
  readonly componentType: 'f16' | 'f32';
  readonly resultComponentType: 'f16' | 'f32';
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

const child = fileURLToPath(new URL('./matrix-ceiling-child.js', import.meta.url));
const deadlineMs = 60_000;

/** Undefined where the adapter has no subgroup matrices, or they give wrong products, or none in time. */
export function measureMatrixCeiling(): Promise<MatrixCeiling | undefined> {
  return new Promise((resolve) => {
    const started = fork(child, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const timer = setTimeout(() => started.kill('SIGKILL'), deadlineMs);
    let found: MatrixCeiling | undefined;
    started.once('message', (message) => (found = message as MatrixCeiling));
    started.once('close', () => {
      clearTimeout(timer);
      resolve(found);
    });
  });
}

/** Products that depend on nothing but themselves, side by side: enough for any pipeline's depth. */
export const matrixChains = 4;
/** Each factor's elements, whose products are exact in f16, and whose sums stay so. */
export const matrixElement: number = 2 ** -5;

/**
 * A subgroup multiplies and adds again and again, each chain by a factor of its own, and stores every result.
 * @param lanes of a subgroup
 */
export function matrixKernelText({ componentType, resultComponentType, M, N, K }: MatrixForm, lanes: number): string {
  const chains = Array.from({ length: matrixChains }, (_, i) => i);
  const right = `subgroup_matrix_right<${componentType}, ${N}, ${K}>`;
  const result = `subgroup_matrix_result<${resultComponentType}, ${N}, ${M}>`;
  return `enable chromium_experimental_subgroup_matrix;
${componentType === 'f16' || resultComponentType === 'f16' ? 'enable f16;\n' : ''}struct Params { rounds: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<${componentType}>;
@group(0) @binding(2) var<storage, read_write> y: array<${resultComponentType}>;
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u) {
  let left = subgroupMatrixLoad<subgroup_matrix_left<${componentType}, ${K}, ${M}>, row_major>(&x, 0u, ${K}u);
  ${chains.map((i) => `let r${i} = subgroupMatrixLoad<${right}, row_major>(&x, ${(i + 1) * N * K}u, ${N}u);`).join('\n  ')}
  ${chains.map((i) => `var c${i} = ${result}();`).join('\n  ')}
  for (var round = 0u; round < params.rounds; round++) {
    ${chains.map((i) => `c${i} = subgroupMatrixMultiplyAccumulate(left, r${i}, c${i});`).join('\n    ')}
  }
  let first = group.x * ${matrixChains * M * N}u;
  ${chains.map((i) => `subgroupMatrixStore<row_major>(&y, first + ${i * M * N}u, c${i}, ${N}u);`).join('\n  ')}
}`;
}
