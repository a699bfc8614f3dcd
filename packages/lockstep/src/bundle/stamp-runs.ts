// Runs that a script imports know the module that defines them: where such a module asks for `defineRun`, it gets one that stamps what it
// makes. So workers of a run that a script starts import the run's module, and never the script.
import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

const namespace = 'stamped';

/** @param script what is bundled itself, which is no run. @param stamp the name of a module's own bundle, by its path. */
export function stampRuns(script: string, stamp: (module: string) => Promise<string>): Plugin {
  return {
    name: 'stamp-runs',
    setup: (building) => {
      building.onResolve({ filter: /^lockstep$/ }, async ({ importer, namespace: from, path }) => {
        if (from === namespace || importer === script || !(await definesRun(importer))) return undefined;
        return { path, namespace, pluginData: await stamp(importer), suffix: `?${importer}` };
      });
      building.onLoad({ filter: /.*/, namespace }, ({ pluginData }) => ({
        // What is exported here by its name goes before what comes with the star.
        contents: `import { defineRun as define, stampRun } from 'lockstep';
export * from 'lockstep';
export const defineRun = (options) => stampRun(define(options), ${JSON.stringify(pluginData)});`,
        resolveDir: '/',
      }));
    },
  };
}

async function definesRun(path: string): Promise<boolean> {
  return /\bdefineRun\b/.test(await readFile(path, 'utf8').catch(() => ''));
}
