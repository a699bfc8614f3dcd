// Packages that go into a kit: those installed here, and those of another platform, which the package manager's own client fetches.
import { execFile } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { mkdir, readFile, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ConfigError } from '@lockstep/trainer';

const execute = promisify(execFile);

/** The folder of an installed package, as the module at `from` would find it; nothing where there is none. */
function packageFolder(name: string, from: string): string | undefined {
  for (const modules of createRequire(from).resolve.paths(name) ?? []) {
    const folder = join(modules, name);
    if (existsSync(join(folder, 'package.json'))) return realpathSync(folder);
  }
  return undefined;
}

/** @throws {ConfigError} where it is not installed. */
export function requirePackage(name: string, from: string): string {
  const folder = packageFolder(name, from);
  if (folder === undefined) throw new ConfigError(`pack: expected the package ${name} to be installed, got none`);
  return folder;
}

export async function versionOf(folder: string): Promise<string> {
  return (JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string }).version;
}

/**
 * Fetches a package from the registry that npm is set up for, unpacks it into `folder` and gives where it lies then.
 * @throws {ConfigError} with npm's words where it cannot be had.
 */
export async function fetchPackage(spec: string, folder: string): Promise<string> {
  const to = join(folder, spec.replaceAll(/[/@]/g, '-'));
  await mkdir(to, { recursive: true });
  try {
    await execute('npm', ['pack', spec, '--pack-destination', to, '--prefer-offline', '--silent'], { cwd: to });
  } catch (error) {
    const words = String((error as { stderr?: string }).stderr || (error as Error).message).trim();
    throw new ConfigError(
      `pack: expected the package ${spec}, got ${words.split('\n').at(-1)}\nhint: npm pack ${spec} must work here`,
    );
  }
  const archive = (await readdir(to)).find((name) => name.endsWith('.tgz'));
  if (archive === undefined) throw new ConfigError(`pack: expected npm pack ${spec} to write a file, got none`);
  await execute('tar', ['-xzf', join(to, archive), '-C', to]);
  return join(to, 'package');
}
