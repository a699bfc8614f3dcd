// Packages that go into a kit: those installed here, and those of another platform, which the package manager's own client fetches.
import { mkdir, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '@lockstep/trainer';
import { packageFolder } from '../load/package-folder.ts';
import { runTool } from './run-tool.ts';

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
  const args = ['pack', spec, '--pack-destination', to, '--prefer-offline', '--silent'];
  await runTool('npm', args, { cwd: to }).catch(({ message }: Error) => {
    throw new ConfigError(`pack: expected the package ${spec}, got ${message}\nhint: npm pack ${spec} must work here`);
  });
  const archive = (await readdir(to)).find((name) => name.endsWith('.tgz'));
  if (archive === undefined) throw new ConfigError(`pack: expected npm pack ${spec} to write a file, got none`);
  await runTool('tar', ['-xzf', join(to, archive), '-C', to]);
  return join(to, 'package');
}
