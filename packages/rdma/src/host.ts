// Which processes can watch each other and share memory: those of one user that have the same kernel and the same table of
// process ids.

import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';

/** 16 bytes that are equal for processes of one user where process ids mean the same. */
export function hostIdentity(): Uint8Array {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const namespace = readlinkSync('/proc/self/ns/pid');
  return createHash('sha256').update(`${boot} ${namespace} ${process.geteuid?.()}`).digest().subarray(0, 16);
}
