// How a worker shows that it knows the job's token without saying it: HMAC-SHA256 over the hub's nonce and the
// worker's own name (RFC 2104). The same in Node and in a browser.

import { ConfigError } from './errors.ts';

export const nonceBytes = 32;
const macBytes = 32;
const namePattern = /^[\w.-]{1,64}$/;

/** The payload of a proof frame: the MAC, then the name. Throws `ConfigError` for a name that a hub would not take. */
export async function prove(token: string, nonce: Uint8Array, name: string): Promise<Uint8Array> {
  if (!namePattern.test(name))
    throw new ConfigError(`connect: expected a name of 1 to 64 letters, digits, _ . or -, got '${name}'`);
  const named = new TextEncoder().encode(name);
  const mac = await crypto.subtle.sign('HMAC', await keyOf(token), concat(nonce, named));
  return concat(new Uint8Array(mac), named);
}

/** The name that a proof claims, if `token` bears it out. WebCrypto compares in constant time. */
export async function verify(token: string, nonce: Uint8Array, proof: Uint8Array): Promise<string | undefined> {
  const [mac, named] = [proof.slice(0, macBytes), proof.subarray(macBytes)];
  const name = new TextDecoder().decode(named);
  const isTrue = await crypto.subtle.verify('HMAC', await keyOf(token), mac, concat(nonce, named));
  return isTrue && namePattern.test(name) ? name : undefined;
}

function keyOf(token: string): Promise<CryptoKey> {
  const hmac = { name: 'HMAC', hash: 'SHA-256' };
  return crypto.subtle.importKey('raw', new TextEncoder().encode(token), hmac, false, ['sign', 'verify']);
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
