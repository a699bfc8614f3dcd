// Losses: what they are made of, and those that come with Lockstep.
export * from './define-loss.ts';
export { withDerived } from './derived-metrics.ts';
export { nextToken } from './next-token.ts';
export * from './loss-terms.ts';
