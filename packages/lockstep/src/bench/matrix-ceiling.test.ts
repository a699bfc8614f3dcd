import { kernel } from '@lockstep/tensor';
import { create, globals } from 'webgpu';
import { expect, test } from 'vitest';
import { matrixElement, matrixKernelText } from './matrix-ceiling.ts';

Object.assign(globalThis, globals);
// Dawn's adapter that computes nothing knows every feature: the text is checked, though nobody runs it.
const gpu = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);

test.each([
  ['f16', 'f32', 16, 16, 16],
  ['f16', 'f16', 8, 16, 16],
  ['f32', 'f32', 8, 8, 8],
] as const)(
  'products of %s that give %s are WGSL that compiles',
  async (componentType, resultComponentType, M, N, K) => {
    const adapter = await gpu.requestAdapter();
    const requiredFeatures = ['chromium-experimental-subgroup-matrix', 'shader-f16'] as GPUFeatureName[];
    const device = await adapter!.requestDevice({ requiredFeatures });
    const code = matrixKernelText({ componentType, resultComponentType, M, N, K }, 32);
    const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
    expect(messages.map(({ message }) => message)).toEqual([]);
  },
);

test('the text has the interface by which it is run', () => {
  const form = { componentType: 'f16', resultComponentType: 'f32', M: 16, N: 16, K: 16 } as const;
  const { bindings, params } = kernel(matrixKernelText(form, 32));
  expect(bindings.map(({ name, type }) => `${name}: ${type}`)).toEqual(['x: array<f16>', 'y: array<f32>']);
  expect(params.map(({ name }) => name)).toEqual(['rounds']);
});

test('what a right product holds is exact in f16', () => {
  for (const K of [8, 16, 32]) expect(Number.isInteger((1024 * K * matrixElement ** 2) / 2 ** -6)).toBe(true);
});
