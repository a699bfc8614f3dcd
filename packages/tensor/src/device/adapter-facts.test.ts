import { expect, test } from 'vitest';
import { type AdapterFacts, chooseFamilies } from './adapter-facts.ts';

const tiled = { matmul: 'tiled', attention: 'tiled', rows: 'tiled' };
const none = { subgroups: false, subgroupMinSize: 0, subgroupMaxSize: 0 };
const subgroupsOf = (min: number, max = min): Partial<AdapterFacts> => ({
  subgroups: true,
  subgroupMinSize: min,
  subgroupMaxSize: max,
});

test.each([
  ['lavapipe', true, subgroupsOf(8), { matmul: 'subgroup', attention: 'subgroup', rows: 'portable' }],
  ['SwiftShader', true, subgroupsOf(4), { matmul: 'portable', attention: 'subgroup', rows: 'portable' }],
  ['a CPU without subgroups', true, none, { matmul: 'portable', attention: 'portable', rows: 'portable' }],
  ['NVIDIA', false, subgroupsOf(32), tiled],
  ['Intel', false, subgroupsOf(8, 32), tiled],
  ['a GPU without subgroups', false, none, tiled],
])('%s gets kernels that it can run and that suit it', (_name, isCpu, subgroups, families) => {
  const facts = { vendor: '', architecture: '', description: '', isCpu, f16: false, ...none, ...subgroups };
  expect(chooseFamilies(facts)).toEqual(families);
});
