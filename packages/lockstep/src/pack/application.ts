// Our packages, and those without machine code that they need, as a few modules in one flat folder: what starts with a process or a
// thread of its own is an entry, and all share their chunks.
import { existsSync, realpathSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type BuildOptions, type OutputFile, type Plugin } from 'esbuild';
import { ConfigError } from '@lockstep/trainer';

/** Packages that stay outside: they hold machine code, or are an optional part of what is inside. */
const outside = ['webgpu', 'koffi', 'tokenizers', 'esbuild', 'msgpackr-extract', 'bufferutil', 'utf-8-validate'];

/** The folder of the package `lockstep`. */
const own = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Writes the package `lockstep` into `modules`: `bin` and `setup` as they are, `dist` bundled.
 * @throws {ConfigError} where the packages are not built.
 */
export async function addApplication(modules: string): Promise<void> {
  const folder = join(modules, 'lockstep');
  await mkdir(folder, { recursive: true });
  for (const name of ['bin', 'setup'])
    await cp(join(own, name), join(folder, name), { recursive: true, filter: (path) => !/\.test\./.test(path) });
  await writeFile(join(folder, 'package.json'), await manifest());
  await bundleEntries(
    ['main.js', 'index.js'].map((name) => join(own, 'dist', name)),
    join(folder, 'dist'),
  );
}

/** What Node needs of it. */
async function manifest(): Promise<string> {
  const { name, version, type } = JSON.parse(await readFile(join(own, 'package.json'), 'utf8')) as Record<
    string,
    string
  >;
  return `${JSON.stringify({ name, version, type, exports: { '.': './dist/index.js' } }, null, 2)}\n`;
}

/**
 * Writes the programs that measure other libraries beside Lockstep into `folder`, with those libraries.
 * @throws {ConfigError} outside of Lockstep's repository, which alone has them.
 */
export async function addBenches(folder: string): Promise<void> {
  const benches = join(own, '../../bench');
  if (!existsSync(join(benches, 'gpu.sh')))
    throw new ConfigError(
      `pack: expected Lockstep's repository for --bench, got none around ${own}\nhint: without it the kit has lockstep bench all the same`,
    );
  await bundleEntries(
    ['step.ts', 'with-peers.ts'].map((name) => join(benches, name)),
    folder,
  );
  await mkdir(join(folder, 'peers'));
  await cp(join(benches, 'gpu.sh'), join(folder, 'gpu.sh'));
  await cp(join(benches, 'peers/torch_steps.py'), join(folder, 'peers/torch_steps.py'));
  // Bundled programs lie in one folder, and look for it beside themselves.
  await cp(join(benches, 'peers/torch_cpu.py'), join(folder, 'torch_cpu.py'));
}

/** Bundles programs, and what they start by URL, which is found on the way. */
async function bundleEntries(programs: readonly string[], to: string): Promise<void> {
  const missing = programs.find((path) => !existsSync(path));
  if (missing !== undefined) throw new ConfigError(`pack: expected packages that are built, got no ${missing}`);
  const entries = new Set(programs);
  let files: readonly OutputFile[] = [];
  for (let count = 0; count < entries.size;) {
    count = entries.size;
    files = (await build(settings(entries, to))).outputFiles;
  }
  for (const { path, contents } of files) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, contents);
  }
}

/** One folder of modules for Node, small, and readable in a trace. */
const settings = (entries: Set<string>, outdir: string) =>
  ({
    entryPoints: Array.from(entries, (path) => ({ in: path, out: entryName(path) })),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    outdir,
    write: false,
    chunkNames: 'chunk-[hash]',
    minifyWhitespace: true,
    minifySyntax: true,
    external: outside,
    legalComments: 'none',
    logLevel: 'error',
    banner: { js: banner },
    plugins: [siblings(entries)],
  }) satisfies BuildOptions;

/** Packages in CommonJS ask for Node's modules by `require`. */
const banner = `import{createRequire as requireFrom}from'node:module';const require=requireFrom(import.meta.url);`;

const entryName = (path: string): string => basename(path).replace(/\.m?[jt]s$/, '');

/** `new URL('../dist/thread.js', import.meta.url)` names a program; all lie in one folder afterwards. */
function siblings(entries: Set<string>): Plugin {
  return {
    name: 'siblings',
    setup: (building) => {
      // Set-up goes along as it is, and is there once, whoever imports it.
      building.onResolve({ filter: /^(?:\.\.\/)+setup\/[\w-]+\.mjs$/ }, ({ path }) => ({
        path: `../setup/${basename(path)}`,
        external: true,
      }));
      building.onLoad({ filter: /[/\\](?:dist|bench)[/\\].*\.m?[jt]s$/ }, async ({ path }) => {
        const text = await readFile(path, 'utf8');
        const contents = withLiteralImports(text).replaceAll(ownUrl, (whole, quote: string, url: string) => {
          const program = resolve(dirname(path), url);
          if (!/[/\\](?:dist|bench)[/\\]/.test(program) || !existsSync(program)) return whole;
          entries.add(realpathSync(program));
          return `new URL(${quote}./${entryName(program)}.js${quote}, import.meta.url)`;
        });
        return { contents, loader: path.endsWith('ts') ? 'ts' : 'js' };
      });
    },
  };
}

const ownUrl = /new URL\((['"])([\w./-]+\.m?[jt]s)\1, import\.meta\.url\)/g;
/** Imports by a name that is a constant, which is how a module without types is imported, as imports of what it stands for. */
const withLiteralImports = (text: string): string =>
  text.replaceAll(/import\(__rewriteRelativeImportExtension\((\w+)\)\)/g, (whole, name: string) => {
    const [, literal] = new RegExp(`^const ${name} = ('[^']*');$`, 'm').exec(text) ?? [];
    return literal === undefined ? whole : `import(${literal})`;
  });
