/**
 * What `import … from 'lockstep'` gives: all that a user may touch. In a page, the same names come from `page.ts`, but for those of files
 * and processes.
 *
 * @module lockstep
 */
export * from './front-door.ts';
export { benchKernel, type BenchKernelOptions, type KernelFigures } from './bench/bench-kernel.ts';
export { compareRuns, type CompareOptions } from './launch/compare-runs.ts';
export { createTrainer, type CreateTrainerOptions } from './job/create-trainer.ts';
export { join, type JoinOptions } from './job/join.ts';
export { openDataset } from './job/open-dataset.ts';
export { loadRun, type LoadedModel, type LoadRunOptions } from './load/load-trained.ts';
export { train, type TrainOptions, type TrainResult } from './launch/train.ts';
export { fromPretrained, loadTokenizer, type Pretrained, loadSafetensors, saveSafetensors } from '@lockstep/nn/node';
export { openDevice } from '@lockstep/tensor/node';
export { type ModelCard, nodePlace, prepareText, saveModel } from '@lockstep/trainer/node';
