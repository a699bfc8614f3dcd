// A run file with all that it imports, as one ES module named by its sha256: what every worker of a run executes. The same files
// give the same name in any folder and on any machine, since no path and no time is in it.
import { createHash } from 'node:crypto';
import { mkdir, realpath, stat, writeFile } from 'node:fs/promises';
import { SourceMap } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError } from '@lockstep/trainer';
import { build, type BuildFailure, type OutputFile, stop } from 'esbuild';
import { refusePatterns } from './computed-imports.ts';
import { leaveOutside, type OutsidePackage } from './outside.ts';
import { longJson } from './long-json.ts';
import { nameReferences } from './references.ts';
import { stampRuns } from './stamp-runs.ts';
import { definitions } from './own-location.ts';

/** A run as files that lie side by side; each is named by the sha256 of its bytes, and an ending. */
export interface Bundle {
  /** The sha256 of the module that a worker imports. All other files, and the packages outside, are part of it by their names. */
  readonly sha256: string;
  /** The file of that module. */
  readonly entry: string;
  /** Modules and what they name by `new URL('…', import.meta.url)`. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Source maps of the modules, by the names that these give. Their sources are `file:` URLs here; no hash depends on them. */
  readonly maps: ReadonlyMap<string, string>;
  /** Packages that are imported from where the bundle runs. */
  readonly outside: readonly OutsidePackage[];
}

export interface BundleOptions {
  /** Names the module of a run that a script imports, by its path: what the run is then stamped with. */
  readonly stamp?: (module: string) => Promise<string>;
}

/** As long as a sha256 in hexadecimal, so that a map stays true when names are set in. `[hash]` stands for eight letters. */
const chunkNames = `${'x'.repeat(55)}-[hash]`;

/** What the bundler leaves of a `require` in a CommonJS package: it looks for one in the module. */
const asksForRequire = 'typeof require';
const requires = `import{createRequire as requireFrom}from'node:module';const require=requireFrom(import.meta.url);\n`;

/**
 * Bundles a run file.
 *
 * Imports by a literal become part of it: statically in the one module, dynamically in one of their own. A literal
 * `new URL('…', import.meta.url)` takes the file along. `lockstep` and packages with native parts stay outside.
 * @throws {ConfigError} with file and line, for code that cannot be read, an import that is computed or not found, and any other use
 * of the module's own place.
 */
export async function bundle(runFile: string, options: BundleOptions = {}): Promise<Bundle> {
  const path = await realFile(runFile);
  const outside = new Map<string, OutsidePackage>();
  const outputs = await outputsOf(path, outside, options);
  const files = new Map<string, Uint8Array>();
  const maps = new Map<string, string>();
  const footer = `// outside: ${sorted(outside)
    .map(({ name, version }) => `${name}@${version}`)
    .join(' ')}`;
  const modules = new Map(outputs.modules.map((file) => [basename(file.path), file]));
  const names = new Map<string, string>();
  const open = new Set<string>();

  /** Names a module after those that it imports. */
  const finish = async (output: string): Promise<string> => {
    const known = names.get(output);
    if (known !== undefined) return known;
    if (open.has(output)) throw circle(runFile);
    open.add(output);
    const map = outputs.maps.get(`${output}.map`)!;
    let kept: SourceMap | undefined;
    const sources = (): SourceMap => (kept ??= new SourceMap(JSON.parse(map)));
    const named = await nameReferences(modules.get(output)!.text, {
      sources,
      folder: dirname(outputs.folder),
      nameOf: (other) => (modules.has(other) ? finish(other) : undefined),
      addBlob: (bytes, ending) => addFile(files, bytes, ending),
    });
    const head = named.includes(asksForRequire) ? requires : '';
    const mapName = `${sha256(named).slice(0, 16)}.map`;
    maps.set(mapName, withFileUrls(map, { folder: outputs.folder, head }));
    const text = `${head}${named.trimEnd()}\n${footer}\n//# sourceMappingURL=${mapName}\n`;
    const name = addFile(files, Buffer.from(text), '.mjs');
    names.set(output, name);
    return name;
  };

  const entry = await finish(outputs.entry);
  return { sha256: entry.slice(0, 64), entry, files, maps, outside: sorted(outside) };
}

/** Writes a bundle's files and its maps into a folder, and `more` beside them, and gives the path of the module to import. */
export async function writeBundle(
  { entry, files, maps }: Bundle,
  folder: string,
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const [name, content] of [...files, ...maps, ...Object.entries(more)])
    await writeFile(join(folder, name), content);
  return join(folder, entry);
}

async function realFile(runFile: string): Promise<string> {
  const status = await stat(runFile).catch(() => undefined);
  if (!status?.isFile()) throw new ConfigError(`bundle: expected a run file, got ${runFile}, which is no file`);
  return realpath(resolve(runFile));
}

interface Outputs {
  /** Where the modules would lie. */
  readonly folder: string;
  /** Name of the module of the run file. */
  readonly entry: string;
  readonly modules: readonly OutputFile[];
  readonly maps: ReadonlyMap<string, string>;
}

let builds = 0;

/** The bundler's process ends with the last of the bundles that are made at once: it is no part of a job. */
async function outputsOf(...given: Parameters<typeof built>): Promise<Outputs> {
  builds++;
  try {
    return await built(...given);
  } finally {
    if (--builds === 0) await stop();
  }
}

async function built(path: string, outside: Map<string, OutsidePackage>, { stamp }: BundleOptions): Promise<Outputs> {
  const folder = join(dirname(path), 'bundle');
  try {
    const { outputFiles, metafile } = await build({
      entryPoints: [{ in: path, out: 'run' }],
      absWorkingDir: dirname(path),
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'es2022',
      outdir: folder,
      outExtension: { '.js': '.mjs' },
      chunkNames,
      write: false,
      metafile: true,
      sourcemap: 'external',
      // Else paths stand in comments and names. Functions keep their names.
      minifyWhitespace: true,
      minifyIdentifiers: true,
      keepNames: true,
      charset: 'utf8',
      legalComments: 'none',
      logLevel: 'silent',
      define: definitions,
      plugins: [...(stamp ? [stampRuns(path, stamp)] : []), leaveOutside(outside), longJson],
    });
    await refusePatterns(metafile, dirname(path));
    const maps = outputFiles.filter((file) => file.path.endsWith('.map'));
    return {
      folder,
      entry: 'run.mjs',
      modules: outputFiles.filter((file) => file.path.endsWith('.mjs')),
      maps: new Map(maps.map((file) => [basename(file.path), file.text])),
    };
  } catch (error) {
    throw refusal(error as BuildFailure, dirname(path));
  }
}

function refusal(error: BuildFailure, folder: string): Error {
  const [first] = error.errors ?? [];
  if (!first) return error;
  const { location, text, detail } = first;
  if (detail instanceof ConfigError) return detail; // of a run that a script imports, which has a bundle of its own
  const where = location ? `${resolve(folder, location.file)}:${location.line}: ` : '';
  return new ConfigError(`${where}expected code that can be bundled, got: ${text}`, { cause: error });
}

const circle = (runFile: string): ConfigError =>
  new ConfigError(
    `${runFile}: expected dynamic imports that lead away from the run, got a module that imports what imports it\nhint: move what both need into a file of its own`,
  );

function addFile(files: Map<string, Uint8Array>, bytes: Uint8Array, ending: string): string {
  const name = `${sha256(bytes)}${ending}`;
  files.set(name, bytes);
  return name;
}

const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

const sorted = (outside: ReadonlyMap<string, OutsidePackage>): OutsidePackage[] =>
  Array.from(outside.values()).toSorted((a, b) => (a.name < b.name ? -1 : 1));

/** A map whose sources stand anywhere, of a text that begins with `head`: an empty one, or a line. */
function withFileUrls(map: string, { folder, head }: { readonly folder: string; readonly head: string }): string {
  const { sources, mappings, ...rest } = JSON.parse(map) as { sources: string[]; mappings: string };
  return JSON.stringify({
    ...rest,
    sources: sources.map((path) => pathToFileURL(resolve(folder, path)).href),
    mappings: (head && ';') + mappings,
  });
}
