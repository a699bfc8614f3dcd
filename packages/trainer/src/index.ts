// The door of the package: what a run is, its data, and the loop that trains it.
export * from './batch.ts';
export { type DataPlace, type LoadStart, memoryPlace, type RowsSource } from './data/data-place.ts';
export * from './data/dataset.ts';
export * from './data/define-dataset.ts';
export * from './data/prepare-text.ts';
export type { RowArray } from './data/element-types.ts';
export type { ArrayShapes, LoadedRows, Rows } from './data/rows.ts';
export { type PreparedText, TextDataset } from './data/text-dataset.ts';
export * from './data/text.ts';
export { ConfigError, DivergedError } from '@lockstep/errors';
export { decodeKept, type KeptState } from './loop/kept-values.ts';
export type { GivenModels, GivenOptimizers } from './loop/models-together.ts';
export {
  type BatchOrigin,
  DataBatch,
  type OpenData,
  type RowArrays,
  type StepBatch,
  withBatches,
} from './loop/step-batch.ts';
export * from './loop/trainer.ts';
export * from './mathematics.ts';
export { type Norm, type Norms, normsOf } from './norms.ts';
export { type MemoryPlan, planMemory, type PlannedRun } from './plan-memory.ts';
export { type PassPlan, planPasses } from './plan-passes.ts';
export type { Sharing } from './create-update.ts';
export * from './replay.ts';
export type { ReplicaMemory } from './replica-memory.ts';
export * from './replica.ts';
export * from './run/define-run.ts';
export * from './run/overrides.ts';
export * from './run/run.ts';
export * from './run/stamp-run.ts';
export * from './sample-rows.ts';
export * from './schedule.ts';
export type { BestValidation, TrainState } from './state.ts';
export * from './step.ts';
export * from './train.ts';
export * from './trained-model.ts';
export * from './weights-sha256.ts';
