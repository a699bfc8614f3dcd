// The arena as a file in memory: peers on the host map it to read, and read what they are offered there and nothing else of
// this process.

import { randomBytes } from 'node:crypto';
import { closeSync } from 'node:fs';
import { arena, ConfigError } from '@lockstep/collectives';
import { mapOver, mapToRead } from './libc.ts';
import { createMemoryFile, openMemoryFile } from './memory-files.ts';
import { addressOf } from './memory-pool.ts';

/** The most an arena can grow to, of which the addresses are reserved from the start. */
const arenaBytes: number = 2 ** 32;

export interface ArenaFile {
  readonly pid: number;
  readonly fd: number;
  /** 16 random bytes. */
  readonly id: Uint8Array;
}

const nameOf = (id: Uint8Array): string => `lockstep-arena-${Buffer.from(id).toString('hex')}`;

let own: ArenaFile | undefined;
/** Where the arenas of others are mapped, by name: for good, as a process meets few. */
const mapped = new Map<string, number>();

/** The file that this process's arena lies in from the first call on, which comes before other threads use the arena. */
export function ownArenaFile(): ArenaFile {
  own ??= create();
  return own;
}

function create(): ArenaFile {
  const id = new Uint8Array(randomBytes(16));
  const fd = createMemoryFile(nameOf(id), arenaBytes);
  const { buffer } = arena().memory;
  // What lies there already is copied into the file, which then takes its place.
  if (!mapOver(addressOf(new Uint8Array(buffer)), buffer.byteLength, fd, arenaBytes)) {
    closeSync(fd);
    throw new ConfigError('ucx: expected room for the arena in a file in memory, got none');
  }
  return { pid: process.pid, fd, id };
}

/** Where another process's arena can be read; nothing where it has none. */
export function mapArena({ pid, fd, id }: ArenaFile): number | undefined {
  const name = nameOf(id);
  const known = mapped.get(name);
  if (known !== undefined) return known;
  const file = openMemoryFile({ pid, fd, name }, arenaBytes);
  if (file === undefined) return undefined;
  const base = mapToRead(file, arenaBytes);
  closeSync(file);
  if (base !== undefined) mapped.set(name, base);
  return base;
}
