// Bench files for tests.
import {
  type BenchFile,
  benchSchema,
  type KernelRow,
  type MeasuredRow,
  type Round,
  type StepRow,
} from './bench-file.ts';

export const benchFile = (kernels: readonly KernelRow[] = [], description = 'card'): BenchFile => ({
  schema: benchSchema,
  created: '2026-01-02T03:04:05.000Z',
  lockstep: '0.1.0',
  node: '20.0.0',
  timer: { of: 'gpu', grainUs: 0.001 },
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

export const stepRow = (): StepRow => ({
  name: 'S',
  shape: 'batch 8 × 64',
  us: 1000,
  hostUs: 50,
  gpuUs: 1800,
  readbackUs: 20,
  dispatches: 3,
  submits: 1,
  bytes: 2 ** 20,
  kernels: [
    { kernel: 'matmulTiled', count: 2, us: 1600, flops: 8e8, bytes: 4e6 },
    { kernel: 'copy', count: 1, us: 200, flops: 0, bytes: 1e7 },
  ],
  roofline: {
    ceilings: { copyGbps: 100, fmaGflops: 1000 },
    passUs: 900,
    dispatchUs: 5,
    parts: { compute: 790, memory: 95, dispatch: 15, host: 50, wait: 70 },
    bound: 'compute',
    gflops: 600,
    gbps: 80,
  },
});
