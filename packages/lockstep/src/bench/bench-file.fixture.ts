// Bench files for tests.
import { type BenchFile, benchSchema, type KernelRow, type MeasuredRow, type Round } from './bench-file.ts';

export const benchFile = (kernels: readonly KernelRow[] = [], description = 'card'): BenchFile => ({
  schema: benchSchema,
  created: '2026-01-02T03:04:05.000Z',
  lockstep: '0.1.0',
  node: '20.0.0',
  machine: { system: 'linux', cpu: 'a processor', cores: 2, memoryBytes: 2 ** 33 },
  adapter: { vendor: 'v', architecture: 'a', description, software: false, features: [], clocks: 'unknown' },
  ceilings: { copyGbps: 100, fmaGflops: 1000 },
  dispatchUs: 5,
  kernels,
  steps: [],
  transfers: [],
  peers: [],
});

const round: Round = { us: 100, copyGbps: 100, fmaGflops: 1000 };

export const measuredRow = (rounds: readonly Round[] = [round], op = 'matmul'): MeasuredRow => ({
  op,
  shape: '64x64x64',
  dtype: 'f32',
  family: 'tiled',
  constants: {},
  status: 'ok',
  us: 100,
  usP20: 90,
  usP80: 110,
  wallUs: 200,
  rounds,
  gflops: 50,
  gbps: 1,
  bound: 'fma',
  percent: 5,
  maxError: 1e-7,
  compileMs: 10,
});
