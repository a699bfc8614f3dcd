// Our packages, and those without machine code that they need, as a few modules in one flat folder: what starts with a process or a
// thread of its own is an entry, and all share their chunks.
import { existsSync, realpathSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { ConfigError } from '@lockstep/trainer';

/** Packages that stay outside: they hold machine code, or are an optional part of what is inside. */
const outside = [
  'webgpu',
  'koffi',
  'tokenizers',
  'tsx',
  'esbuild',
  'msgpackr-extract',
  'bufferutil',
  'utf-8-validate',
];

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Writes the package `lockstep` into `modules`: `bin` and `setup` as they are, `dist` bundled.
 * @throws {ConfigError} where the packages are not built.
 */
export async function addApplication(modules: string): Promise<void> {
  const own = join(root, basename(root) === 'dist' ? '..' : '.');
  const folder = join(modules, 'lockstep');
  await mkdir(folder, { recursive: true });
  for (const name of ['bin', 'setup'])
    await cp(join(own, name), join(folder, name), { recursive: true, filter: (path) => !/\.test\./.test(path) });
  await writeFile(join(folder, 'package.json'), await manifest(own));
  await bundleEntries(join(own, 'dist'), join(folder, 'dist'));
}

/** What Node needs of it. */
async function manifest(own: string): Promise<string> {
  const { name, version, type } = JSON.parse(await readFile(join(own, 'package.json'), 'utf8')) as Record<string, string>;
  return `${JSON.stringify({ name, version, type, exports: { '.': './dist/index.js' } }, null, 2)}\n`;
}

/** The command, the door for users' code, and what the code itself starts by URL, found on the way. */
async function bundleEntries(dist: string, to: string): Promise<void> {
  const entries = new Set(['main.js', 'index.js'].map((name) => join(dist, name)));
  const missing = Array.from(entries).find((path) => !existsSync(path));
  if (missing !== undefined) throw new ConfigError(`pack: expected packages that are built, got no ${missing}`);
  let count = 0;
  while (entries.size > count) {
    count = entries.size;
    await build({
      entryPoints: Array.from(entries, (path) => ({ in: path, out: entryName(path) })),
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      outdir: to,
      outExtension: { '.js': '.js' },
      chunkNames: 'chunk-[hash]',
      minifyWhitespace: true,
      external: outside,
      legalComments: 'none',
      logLevel: 'error',
      banner: { js: banner },
      plugins: [siblings(entries)],
    });
  }
}

/** Packages in CommonJS ask for Node's modules by `require`. */
const banner = `import{createRequire as requireFrom}from'node:module';const require=requireFrom(import.meta.url);`;

const entryName = (path: string): string => basename(path).replace(/\.m?js$/, '');

/** `new URL('./thread.mjs', import.meta.url)` names a program; all lie in one folder afterwards. */
function siblings(entries: Set<string>): Plugin {
  return {
    name: 'siblings',
    setup({ onLoad }) {
      onLoad({ filter: /[/\\]dist[/\\].*\.m?js$/ }, async ({ path }) => {
        const text = await readFile(path, 'utf8');
        const contents = text.replaceAll(ownUrl, (whole, quote: string, url: string) => {
          const program = resolve(dirname(path), url);
          if (!/\bdist\b.*\.m?js$/.test(program) || !existsSync(program)) return whole;
          entries.add(realpathSync(program));
          return `new URL(${quote}./${entryName(program)}.js${quote}, import.meta.url)`;
        });
        return { contents, loader: 'js' };
      });
    },
  };
}

const ownUrl = /new URL\((['"])([\w./-]+\.m?js)\1, import\.meta\.url\)/g;
