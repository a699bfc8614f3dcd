// What `import … from 'lockstep'` gives in a page: the same names, but for those of files and processes.
export * from './front-door.ts';
export { createTrainer, type CreateTrainerOptions } from './page/create-trainer.ts';
export { openDataset } from './page/open-dataset.ts';
export { openDevice } from './page/open-device.ts';
export { prepareText } from '@lockstep/trainer';
