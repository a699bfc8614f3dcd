// A kit: one archive with all that training takes on a Linux machine that has a driver for its GPU and nothing else.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { ConfigError } from '@lockstep/trainer';
import { version } from '../job/versions.ts';
import { addApplication, addBenches } from './application.ts';
import { archive } from './archive.ts';
import { addNativeFiles, type Contents, strangers } from './native-files.ts';
import { addRun } from './run-files.ts';
import { startScript } from './start-script.ts';
import type { Target } from './target.ts';

export interface PackOptions {
  readonly target: Target;
  /** The archive, a name that ends with .tar.xz. */
  readonly out: string;
  /** A run file to take along. */
  readonly run?: string | undefined;
  readonly withData?: boolean;
  /** Whether the programs go along that measure others beside Lockstep. */
  readonly bench?: boolean;
}

export interface Kit {
  readonly file: string;
  readonly bytes: number;
  readonly contents: Contents;
}

/** Makes a kit. @throws {ConfigError} for what cannot be had or packed. */
export async function pack({ target, out, run, bench = false, withData = false }: PackOptions): Promise<Kit> {
  const name = /^(.+)\.tar\.xz$/.exec(basename(out))?.[1];
  if (name === undefined) throw new ConfigError(`pack: expected --out to end with .tar.xz, got ${out}`);
  const work = await mkdtemp(join(tmpdir(), 'lockstep-pack-'));
  try {
    if (withData && run === undefined) throw new ConfigError('pack: expected a run file with --with-data, got none');
    const kit = join(work, name);
    await mkdir(kit);
    const contents = { lockstep: version, ...(await addNativeFiles({ target, kit, work })) };
    await addApplication(join(kit, 'node_modules'));
    const entry = run === undefined ? undefined : await addRun(run, { folder: join(kit, 'run'), withData });
    if (bench) await addBenches(join(kit, 'bench'));
    const script = startScript({ run: entry === undefined ? undefined : `run/${entry}` });
    await writeFile(join(kit, 'lockstep'), script, { mode: 0o755 });
    await writeFile(join(kit, 'kit.json'), `${JSON.stringify({ target, contents }, null, 2)}\n`);
    await requireOnlyOwn(kit, target);
    return { file: out, bytes: await archive(kit, resolve(out)), contents };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function requireOnlyOwn(kit: string, target: Target): Promise<void> {
  const [one] = await strangers(kit, target);
  if (one !== undefined) throw new ConfigError(`pack: expected machine code for ${target} only, got ${one}`);
}
