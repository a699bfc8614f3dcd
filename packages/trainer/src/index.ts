// The door of the package: what a run is, its data, and the loop that trains it.
export * from './batch.ts';
export * from './data/dataset.ts';
export * from './data/prepare-text.ts';
export * from './data/text.ts';
export * from './errors.ts';
export { type MemoryPlan, planMemory, type PlannedRun } from './plan-memory.ts';
export { type PassPlan, planPasses } from './plan-passes.ts';
export * from './replica.ts';
export * from './run/define-run.ts';
export * from './run/overrides.ts';
export { readJSON, readNumber } from './run/read-setting.ts';
export * from './run/run.ts';
export * from './schedule.ts';
export * from './train.ts';
export * from './weights-sha256.ts';
