// How a worker proves that its address is that of a process of this user on this host: by a file in memory whose name
// follows from the address and the job's secret. So nobody can have this process connect to, watch or read another one than
// a worker of its job that has said so itself.

import { createHmac } from 'node:crypto';
import { closeSync } from 'node:fs';
import type { VouchedAddress } from './address.ts';
import { createMemoryFile, openMemoryFile } from './memory-files.ts';

/** Files cannot be empty where they are to keep their length. */
const voucherBytes = 4096;

function nameOf(body: Uint8Array, secret: string): string {
  return `lockstep-voucher-${createHmac('sha256', secret).update(body).digest('hex')}`;
}

/** Vouches for an address while the descriptor that is given back is open. */
export function vouch(body: Uint8Array, secret: string): number {
  return createMemoryFile(nameOf(body, secret), voucherBytes);
}

/** Whether the process that an address names vouches for it. */
export function isVouched({ pid, voucher, body }: VouchedAddress, secret: string): boolean {
  const file = openMemoryFile({ pid, fd: voucher, name: nameOf(body, secret) }, voucherBytes);
  if (file !== undefined) closeSync(file);
  return file !== undefined;
}
