// Files in memory (memfd) by which processes of one user on one host prove to each other who they are, and share memory:
// only such a process can make one, and only one can open it, by its link in /proc. What a file is called is what it says.

import { closeSync, constants, fstatSync, openSync, readlinkSync } from 'node:fs';
import { ConfigError } from '@lockstep/collectives';
import { createMemoryFile as create, isSealed } from './libc.ts';

/** Where a process says that it has a file. It may lie. */
export interface MemoryFilePlace {
  readonly pid: number;
  readonly fd: number;
  readonly name: string;
}

const pathOnly = 0o10000000; // O_PATH: opens nothing yet, and so does nothing
const linkOf = (name: string): string => `/memfd:${name} (deleted)`;

/** A file of so many bytes that never becomes shorter. @returns its descriptor. @throws {ConfigError} where the system has none. */
export function createMemoryFile(name: string, byteLength: number): number {
  const fd = create(name, byteLength);
  if (fd >= 0) return fd;
  throw new ConfigError(`ucx: expected a file in memory (memfd_create) of ${byteLength} bytes, got none`);
}

/**
 * Opens another process's file to read it.
 * @returns a descriptor; nothing where that process has no such file of this user, of that name and length
 */
export function openMemoryFile({ pid, fd, name }: MemoryFilePlace, byteLength: number): number | undefined {
  const found = open(`/proc/${pid}/fd/${fd}`, pathOnly);
  if (found === undefined) return undefined;
  try {
    if (!isWhatItSays(found, name, byteLength)) return undefined;
    const opened = open(`/proc/self/fd/${found}`, constants.O_RDONLY);
    if (opened === undefined || isSealed(opened)) return opened;
    closeSync(opened);
    return undefined;
  } finally {
    closeSync(found);
  }
}

function isWhatItSays(fd: number, name: string, byteLength: number): boolean {
  const { uid, size } = fstatSync(fd);
  return uid === process.geteuid!() && size === byteLength && readlinkSync(`/proc/self/fd/${fd}`) === linkOf(name);
}

function open(path: string, flags: number): number | undefined {
  try {
    return openSync(path, flags);
  } catch {
    return undefined; // gone, or not for this user
  }
}
