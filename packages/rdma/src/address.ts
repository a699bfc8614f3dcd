// What a worker tells its peers through the hub: the address of its UCX, wrapped so that bytes that are none are refused
// before libucp reads them, for it checks nothing. The wrapping also says which process it is, so that peers on the
// same host notice its end.

import { createHash } from 'node:crypto';
import { ConfigError, ProtocolError } from '@lockstep/collectives';

export interface Address {
  /** Of UCX, `major.minor`: other versions write addresses in other ways. */
  readonly version: string;
  /** 16 bytes, equal for workers that can watch each other's process ids. */
  readonly host: Uint8Array;
  readonly pid: number;
  /** What UCX gave. */
  readonly ucx: Uint8Array;
}

/*
 * 0 "lsux", 4 major and 5 minor version of UCX, 6 length of UCX's address (uint16), 8 pid (uint32), 12 host (16 bytes),
 * 28 UCX's address, then 16 bytes of the SHA-256 of all before.
 */
const magic = 'lsux';
const headerBytes = 28;
const digestBytes = 16;
const maxUcxBytes = 2 ** 16 - 1;
/** Zeros behind an address, so that UCX's reader ends there whatever it believes. */
const margin = 4096;

export function encodeAddress({ version, host, pid, ucx }: Address): Uint8Array {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const head = Buffer.alloc(headerBytes);
  head.write(magic, 0, 'latin1');
  head.writeUInt8(major, 4);
  head.writeUInt8(minor, 5);
  head.writeUInt16LE(ucx.length, 6);
  head.writeUInt32LE(pid, 8);
  head.set(host, 12);
  const body = Buffer.concat([head, ucx]);
  return new Uint8Array(Buffer.concat([body, digest(body)]));
}

/**
 * Reads what came from a peer.
 *
 * @throws {ProtocolError} code PROTOCOL, where it is no address
 * @throws {ConfigError} code CONFIG, where the peer has another version of UCX
 */
export function decodeAddress(rank: number, bytes: Uint8Array, version: string): Address {
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
  const ucx = new Uint8Array(view.length - headerBytes - digestBytes + margin);
  ucx.set(view.subarray(headerBytes, -digestBytes));
  return { version, host: view.subarray(12, headerBytes), pid: view.readUInt32LE(8), ucx };
}

function isWhole(bytes: Buffer): boolean {
  const ucxBytes = bytes.length - headerBytes - digestBytes;
  if (ucxBytes <= 0 || ucxBytes > maxUcxBytes || bytes.toString('latin1', 0, 4) !== magic) return false;
  const length = bytes.readUInt16LE(6);
  return length === ucxBytes && digest(bytes.subarray(0, -digestBytes)).equals(bytes.subarray(-digestBytes));
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest().subarray(0, digestBytes);
}
