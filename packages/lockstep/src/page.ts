// What `import … from 'lockstep'` gives in a page: the same names, but for those of files and processes.
export * from './front-door.ts';
export { openDevice } from './page/open-device.ts';
export { prepareText } from '@lockstep/trainer';
