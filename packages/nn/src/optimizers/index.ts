// Optimizers: what describes them, and what makes one from a description.
export { adamW, type AdamWDescription } from './adam-w.ts';
export { createOptimizer, type OptimizerDescription } from './create-optimizer.ts';
export type { Optimizer, OptimizerTensors } from './optimizer.ts';
export { sgd, type SgdDescription } from './sgd.ts';
