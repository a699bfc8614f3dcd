// All ops on one device, and the proof that none is missing: a new op or kernel fails here until it has its check.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as all from '@lockstep/kernels';
import * as tensor from '@lockstep/tensor';
import { expect, test } from 'vitest';
import { checked } from './check-op.ts';
import { device } from './gpu.ts';

for (const folder of ['../packages/tensor/src/ops/', '../packages/nn/src/optimizers/']) {
  const files = readdirSync(new URL(folder, import.meta.url)).filter((file) => file.endsWith('.test.ts'));
  for (const file of files) await import(fileURLToPath(new URL(folder + file, import.meta.url)));
}

const kernels = Object.values(all).filter((one) => typeof one === 'object' && 'entryPoint' in one);

test('every op has a check', () => {
  const ops = Object.values(tensor).filter(
    (value) => typeof value === 'function' && 'definition' in value,
  ) as unknown as { name: string }[];
  expect(ops.filter((op) => !checked.has(op)).map(({ name }) => name)).toEqual([]);
});

/** Kernels of no op and of no optimizer, which canonical-sum.test.ts and buckets.test.ts check. */
const checkedElsewhere = new Set(['treeSum', 'treeSumInt8', 'treeAdd', 'treeAddInt8']);

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
  for (const code of generated) {
    const ofFloats = new Set(Array.from(code.matchAll(/^fn (op_\w+)\([^)]*\) -> f32/gm), ([, name]) => name));
    const calls = Array.from(code.matchAll(/^ {2}let v\d+ = (?:(apart|halved)\()?(op_\w+)\(/gm));
    const bare = calls.filter(([, passage, name]) => ofFloats.has(name) && !passage);
    expect({ code, bare: bare.map(([line]) => line) }).toEqual({ code, bare: [] });
  }
});
