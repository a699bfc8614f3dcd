// Long JSON, such as a package's data, stays a string that is parsed where it is used: as code, its millions of numbers would take a
// minute to bundle, and longer to load than JSON.
import { readFile, stat } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/** JSON of at least so many bytes counts as long. */
const long = 2 ** 16;

/** What the bundler reads itself: short files, what says how it is to be read, and what is no JSON, of which it tells the line. */
export const longJson: Plugin = {
  name: 'long-json',
  setup: (building) => {
    building.onLoad({ filter: /\.json$/ }, async ({ path, namespace, with: attributes }) => {
      if (namespace !== 'file' || attributes['type'] !== undefined || (await stat(path)).size < long) return undefined;
      const text = await readFile(path, 'utf8');
      return isJson(text)
        ? { contents: `module.exports = JSON.parse(${JSON.stringify(text)});`, loader: 'js' }
        : undefined;
    });
  },
};

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
