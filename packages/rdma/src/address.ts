// What a worker tells its peers through the hub: the address of its UCX, wrapped so that bytes that are none are refused
// before libucp reads them, for it checks nothing. The wrapping also says which process it is, which peers on the
// same host check with the kernel (see vouchers.ts), and where they can read its arena.

import { createHash } from 'node:crypto';
import { ConfigError, ProtocolError } from '@lockstep/collectives';

export interface Address {
  /** The version of UCX, `major.minor`: others write addresses in other ways. */
  readonly version: string;
  /** 16 bytes, equal for workers of one user that can watch each other's process ids. */
  readonly host: Uint8Array;
  readonly pid: number;
  /** Where the process's arena can be read by others of the host. */
  readonly arena: { readonly fd: number; readonly id: Uint8Array };
  /** What UCX gave. */
  readonly ucx: Uint8Array;
}

/** An address, and where its process vouches for it (see memory-files.ts). */
export interface VouchedAddress extends Address {
  /** The descriptor of a file whose name follows from {@link body}. */
  readonly voucher: number;
  /** The bytes that are vouched for. */
  readonly body: Uint8Array;
}

/*
 * 0 "lsux", 4 major and 5 minor version of UCX, 6 length of UCX's address (uint16), 8 pid (uint32), 12 host (16 bytes),
 * 28 descriptor of the arena (uint32), 32 id of the arena (16 bytes), 48 UCX's address; then the descriptor of the voucher
 * (uint32), and 16 bytes of the SHA-256 of all before.
 */
const magic = 'lsux';
const headerBytes = 48;
const voucherBytes = 4;
const digestBytes = 16;
const maxUcxBytes = 2 ** 16 - 1;
/** Zeros behind an address, so that UCX's reader ends there whatever it believes. */
const margin = 4096;

/** What a process vouches for. */
export function encodeBody({ version, host, pid, arena, ucx }: Address): Uint8Array {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const head = Buffer.alloc(headerBytes);
  head.write(magic, 0, 'latin1');
  head.writeUInt8(major, 4);
  head.writeUInt8(minor, 5);
  head.writeUInt16LE(ucx.length, 6);
  head.writeUInt32LE(pid, 8);
  head.set(host, 12);
  head.writeUInt32LE(arena.fd, 28);
  head.set(arena.id, 32);
  return new Uint8Array(Buffer.concat([head, ucx]));
}

export function encodeAddress(body: Uint8Array, voucher: number): Uint8Array {
  const tail = Buffer.alloc(voucherBytes);
  tail.writeUInt32LE(voucher, 0);
  const whole = Buffer.concat([body, tail]);
  return new Uint8Array(Buffer.concat([whole, digest(whole)]));
}

/**
 * Reads what came from a peer.
 *
 * @throws {ProtocolError} code PROTOCOL, where it is no address
 * @throws {ConfigError} code CONFIG, where the peer has another version of UCX
 */
export function decodeAddress(rank: number, bytes: Uint8Array, version: string): VouchedAddress {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isWhole(view)) {
    throw new ProtocolError(
      `connect: expected the address of a UCX worker from rank ${rank}, got ${bytes.length} bytes`,
    );
  }
  const theirs = `${view.readUInt8(4)}.${view.readUInt8(5)}`;
  if (theirs !== version) {
    throw new ConfigError(
      `connect: expected UCX ${version} on rank ${rank}, got ${theirs}\nhint: install the same version of libucx0 on all hosts`,
    );
  }
  const body = view.subarray(0, -voucherBytes - digestBytes);
  const ucx = new Uint8Array(body.length - headerBytes + margin);
  ucx.set(body.subarray(headerBytes));
  return {
    version,
    host: view.subarray(12, 28),
    pid: view.readUInt32LE(8),
    arena: { fd: view.readUInt32LE(28), id: view.subarray(32, headerBytes) },
    ucx,
    voucher: view.readUInt32LE(body.length),
    body,
  };
}

function isWhole(bytes: Buffer): boolean {
  const ucxBytes = bytes.length - headerBytes - voucherBytes - digestBytes;
  if (ucxBytes <= 0 || ucxBytes > maxUcxBytes || bytes.toString('latin1', 0, 4) !== magic) return false;
  const length = bytes.readUInt16LE(6);
  return length === ucxBytes && digest(bytes.subarray(0, -digestBytes)).equals(bytes.subarray(-digestBytes));
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest().subarray(0, digestBytes);
}
