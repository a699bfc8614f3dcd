// The scripts in examples/, run shortly.
import { fileURLToPath } from 'node:url';
import { type TrainJson, trainRun } from './cli.ts';

export const example = (name: string): string => fileURLToPath(new URL(`../examples/${name}.ts`, import.meta.url));

/** Trains an example, and gives what it printed. */
export const trainExample = (name: string, args: readonly string[]): Promise<TrainJson> =>
  trainRun(example(name), args);
