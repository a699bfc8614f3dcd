// A run in a kit: its bundle, and its data where that is asked for, in one folder.
import { cp, mkdir } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError, type Run, type TextSettings } from '@lockstep/trainer';
import { copyText } from '@lockstep/trainer/node';
import { type Bundle, bundle, writeBundle } from '../bundle/bundle.ts';
import { loadRun } from '../load/load-run.ts';
import { folderOf } from '../launch/plan-launch.ts';

/** What a kit has of packages with native parts. */
const inKits = new Set(['lockstep', 'webgpu', 'koffi', 'tokenizers']);

/** Puts a run into the folder, and gives the path of its module in it. @throws {ConfigError} for what cannot travel. */
export async function addRun(
  file: string,
  { folder, withData }: { folder: string; withData: boolean },
): Promise<string> {
  const made = await bundle(file);
  const foreign = made.outside.find(({ name }) => !inKits.has(name));
  if (foreign)
    throw new ConfigError(
      `pack: expected a run without native parts of its own, got ${file}, which imports ${foreign.name}@${foreign.version}`,
    );
  await mkdir(folder, { recursive: true });
  await writeBundle(withRelativeSources(made, folderOf(file)), folder);
  if (withData) await addData(await loadRun(file), { from: folderOf(file), folder });
  return made.entry;
}

/** What a trace shows is then the path in the project, and nobody's home. */
function withRelativeSources({ maps, ...rest }: Bundle, from: string): Bundle {
  const change = (map: string): string => {
    const { sources, ...others } = JSON.parse(map) as { sources: string[] };
    return JSON.stringify({ ...others, sources: sources.map((url) => relative(from, fileURLToPath(url))) });
  };
  return { ...rest, maps: new Map(Array.from(maps, ([name, map]) => [name, change(map)])) };
}

/** A text lies where the run looks for it first: at the path that its source is, counted from the run. */
async function addData({ data: value }: Run, { from, folder }: { from: string; folder: string }): Promise<void> {
  if (!('source' in value))
    throw new ConfigError(
      `pack: expected a run on a text with --with-data, got one on ${value.kind}, whose rows come from code\nhint: without --with-data the other machine loads them itself`,
    );
  const data = value as unknown as TextSettings;
  await copyText(data.source, { from, to: placeOf(data.source, { from, folder, what: 'data' }) });
  const { tokenizer } = data;
  if (typeof tokenizer !== 'string' || tokenizer === 'characters' || tokenizer === 'bytes') return;
  const to = placeOf(tokenizer, { from, folder, what: 'a tokenizer' });
  await cp(resolve(from, tokenizer), to, { recursive: true });
}

function placeOf(source: string, { from, folder, what }: { from: string; folder: string; what: string }): string {
  const leadsAway =
    isAbsolute(source) || /^\w+:/.test(source) || relative(from, resolve(from, source)).startsWith('..');
  if (!leadsAway) return join(folder, source);
  throw new ConfigError(
    `pack: expected ${what} beside or below the run file, or in a package, got ${source}\nhint: without --with-data it has to be at that place on the other machine`,
  );
}
