// What `import … from 'lockstep'` gives: all that a run file needs, and the packages' doors for those who write their own loop.
export * from '@lockstep/nn';
export { benchKernel, type BenchKernelOptions, type KernelFigures } from './bench/bench-kernel.ts';
export { join, type JoinOptions } from './join.ts';
export {
  checkOp,
  defineElementwise,
  defineOp,
  Device,
  type DeviceStats,
  differentiate,
  kernel,
  ops,
  Parameter,
  Tensor,
  withGradients,
} from '@lockstep/tensor';
export { openDevice } from '@lockstep/tensor/node';
export * from '@lockstep/trainer';
