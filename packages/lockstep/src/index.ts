// What `import … from 'lockstep'` gives: all that a run file needs, and the packages' doors for those who write their own loop.
export * from '@lockstep/nn';
export { join, type JoinOptions } from './join.ts';
export { Device, type DeviceStats, Tensor } from '@lockstep/tensor';
export * from '@lockstep/trainer';
