// What the processes of a job listen at, as the system sees it.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { expect } from 'vitest';

export interface Listener {
  readonly address: string;
  readonly port: number;
}

function childrenOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  } catch {
    return ''; // it has ended
  }
}

/** All processes that a process has started, and it. */
export function familyOf(pid: number): number[] {
  const children = childrenOf(pid).trim().split(' ').filter(Boolean);
  return [pid, ...children.flatMap((child) => familyOf(Number(child)))];
}

/** None of a process that has ended, as the one that bundles does. */
function descriptorsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch {
    return [];
  }
}

/** Where the descriptors of a process lead. */
export function linksOf(pid: number): string[] {
  return descriptorsOf(pid).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return []; // closed meanwhile
    }
  });
}

/** Sockets that take connections or datagrams from others, by the number of their inode. */
function listeners(): Map<string, Listener> {
  const found = new Map<string, Listener>();
  for (const table of ['tcp', 'tcp6', 'udp', 'udp6', 'raw', 'raw6'])
    for (const row of readFileSync(`/proc/net/${table}`, 'utf8').trim().split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode = ''] = row.trim().split(/\s+/);
      const [address = '', port = ''] = local.split(':');
      if (!table.startsWith('tcp') || state === '0A') found.set(inode, { address, port: parseInt(port, 16) });
    }
  return found;
}

/** Sockets of the file system, or of no name, that are listened at. */
const unixListeners = (): Set<string> =>
  new Set(
    readFileSync('/proc/net/unix', 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((row) => row.trim().split(/\s+/))
      .filter(([, , , flags]) => (parseInt(flags!, 16) & 0x10000) !== 0)
      .map((columns) => columns[6]!),
  );

/** What the processes of a job listen at. */
export function openDoors(pids: readonly number[]): Listener[] {
  const [known, unix] = [listeners(), unixListeners()];
  const sockets = pids.flatMap(linksOf).flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
  expect(sockets.filter((inode) => unix.has(inode))).toEqual([]);
  return sockets.flatMap((inode) => known.get(inode) ?? []);
}
