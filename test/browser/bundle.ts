// What the tests in a browser load: a file with the sources of the packages it imports, in one module.
import { fileURLToPath } from 'node:url';
import { build, type BuildResult, type Plugin } from 'esbuild';

export function bundleForPage(
  entry: URL,
  { plugins = [] }: { plugins?: Plugin[] } = {},
): Promise<BuildResult<{ write: false; metafile: true }>> {
  return build({
    entryPoints: [fileURLToPath(entry)],
    absWorkingDir: fileURLToPath(new URL('../..', import.meta.url)),
    conditions: ['@lockstep/source'],
    bundle: true,
    platform: 'browser',
    format: 'esm',
    // Ops are called by the names of their functions.
    keepNames: true,
    write: false,
    metafile: true,
    plugins,
  });
}
