// What a kit is made for: an operating system and a processor, and how the files of each are told apart.
import { open } from 'node:fs/promises';
import { ConfigError } from '@lockstep/trainer';

export const targets = ['linux-x64', 'linux-arm64'] as const;
export type Target = (typeof targets)[number];

/** The processor, as Node names it. */
export const architectureOf = (target: Target): 'x64' | 'arm64' => (target === 'linux-x64' ? 'x64' : 'arm64');

/** The processor, as Debian names it. */
export const debianNames: Readonly<Record<Target, string>> = { 'linux-x64': 'amd64', 'linux-arm64': 'arm64' };

/** The folder of a multi-architecture system's libraries. */
export const libraryFolders: Readonly<Record<Target, string>> = {
  'linux-x64': 'x86_64-linux-gnu',
  'linux-arm64': 'aarch64-linux-gnu',
};

/** Whether this very machine is such a one. */
export const isHost = (target: Target): boolean => target === `${process.platform}-${process.arch}`;

/** `e_machine` of ELF-64's header (System V ABI, chapter 4). */
const machines: Readonly<Record<number, Target>> = { 0x3e: 'linux-x64', 0xb7: 'linux-arm64' };

/** What an ELF file runs on, or nothing for a file of another kind. */
export async function machineOf(path: string): Promise<Target | 'another machine' | undefined> {
  const file = await open(path);
  try {
    const header = Buffer.alloc(20);
    const { bytesRead } = await file.read(header, 0, header.length, 0);
    if (bytesRead < header.length || header.readUInt32BE(0) !== 0x7f454c46) return undefined;
    return machines[header.readUInt16LE(18)] ?? 'another machine';
  } finally {
    await file.close();
  }
}

/** @throws {ConfigError} for a file that is no program of the target's. */
export async function requireMachine(path: string, target: Target): Promise<void> {
  const machine = await machineOf(path);
  if (machine === target) return;
  throw new ConfigError(`pack: expected a program for ${target}, got ${machine ?? 'no program'} in ${path}`);
}
