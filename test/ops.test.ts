// All ops on one device, and the proof that none is missing: a new op or kernel fails here until it has its check.
import * as all from '@lockstep/kernels';
import * as tensor from '@lockstep/tensor';
import { expect, test } from 'vitest';
import { bareCalls } from './bare-calls.ts';
import { checked } from './check-op.ts';
import './every-op-check.ts';
import { device } from './gpu.ts';

const kernels = Object.values(all).filter((one) => typeof one === 'object' && 'entryPoint' in one);

test('every op has a check', () => {
  const ops = Object.values(tensor).filter(
    (value) => typeof value === 'function' && 'definition' in value,
  ) as unknown as { name: string }[];
  expect(ops.filter((op) => !checked.has(op)).map(({ name }) => name)).toEqual([]);
});

/** Kernels of no op and of no optimizer, which canonical-sum.test.ts and buckets.test.ts check. */
const checkedElsewhere = new Set(['treeSum', 'treeSumVec4', 'treeSumInt8', 'treeAdd', 'treeAddInt8']);

test('every kernel has been dispatched by a check', () => {
  const sharing = Object.entries(tensor.subgroupFamilies(device.facts)).filter(([, family]) => family === 'subgroup');
  const runnable = kernels.filter(
    ({ name, subgroups }) => !subgroups || sharing.some(([kind]) => name.startsWith(kind)),
  );
  expect(
    runnable.map(({ name }) => name).filter((name) => !device.kernelsUsed.has(name) && !checkedElsewhere.has(name)),
  ).toEqual([]);
});

test('in every generated kernel, what leaves an op passes through integers before it meets the next', () => {
  const generated: string[] = [];
  tensor.onGeneratedKernel(({ code }) => generated.push(code))();
  expect(generated.length).toBeGreaterThan(100);
  for (const code of generated) expect({ code, bare: bareCalls(code) }).toEqual({ code, bare: [] });
});
