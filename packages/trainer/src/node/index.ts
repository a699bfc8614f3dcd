// The door for Node: what of a run lies in files.
export * from './checkpoint.ts';
export { copyText } from './data/copy-text.ts';
export * from './data/prepare-text.ts';
export * from './draw-chart.ts';
export * from './loss-chart.ts';
export * from './metrics-log.ts';
export * from './model-folder.ts';
export * from './own-run.ts';
export { clearUnfinished } from './replace-folder.ts';
export * from './run-directory.ts';
export * from './run-identity.ts';
export * from './run-lock.ts';
export * from './run-record.ts';
export * from './samples-log.ts';
