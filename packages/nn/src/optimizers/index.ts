// Optimizers: what they are made of, those that come with Lockstep, and what one is on a device.
export { adafactor, type AdafactorSettings } from './adafactor.ts';
export { adamW, type AdamWSettings } from './adam-w.ts';
export { chain, groups } from './chain.ts';
export type { CommonOptions, CommonSettings } from './common-settings.ts';
export { clipByGlobalNorm } from './clip.ts';
export { decayWeights } from './decay.ts';
export * from './define-optimizer.ts';
export { ema } from './ema.ts';
export { lion, type LionSettings } from './lion.ts';
export { muon, type MuonSettings } from './muon.ts';
export { Optimizer, type OptimizerOptions } from './optimizer.ts';
export { type Segment, segmentLength, segmentsOf, unpackStates, usedWeights } from './optimizer-state.ts';
export { namedRates, type Rates } from './rates.ts';
export { scheduleFree, type ScheduleFreeSettings } from './schedule-free.ts';
export { sgd, type SgdSettings } from './sgd.ts';
export { updateGraph } from './update-graph.ts';
export { type Chunk, isSharded, planUpdate, type Region, type UpdatePlan } from './update-plan.ts';
