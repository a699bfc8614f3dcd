// Who a member is to the other members: a key pair (X25519, RFC 7748) that it draws for itself when it joins, and whose
// public half the hub gives to all with the view. Two members share a secret that nobody else can make, also not a third
// who knows the job's token; so whoever proves it is the one it says it is.

import { createPublicKey, diffieHellman, generateKeyPairSync, type JsonWebKey } from 'node:crypto';

export interface Identity {
  /** 32 bytes as base64url. */
  readonly publicKey: string;
  /** The secret shared with the owner of another public key; undefined for what is none. */
  agree(publicKey: string): Uint8Array | undefined;
}

const publicKeyPattern = /^[\w-]{43}$/;

export function createIdentity(): Identity {
  const pair = generateKeyPairSync('x25519');
  const { x } = pair.publicKey.export({ format: 'jwk' });
  return {
    publicKey: x!,
    agree: (publicKey) => {
      if (!publicKeyPattern.test(publicKey)) return undefined;
      try {
        return diffieHellman({ privateKey: pair.privateKey, publicKey: publicKeyOf(publicKey) });
      } catch {
        return undefined; // a point of low order, with which everybody would share the same
      }
    },
  };
}

function publicKeyOf(x: string): ReturnType<typeof createPublicKey> {
  const key: JsonWebKey = { kty: 'OKP', crv: 'X25519', x };
  return createPublicKey({ key, format: 'jwk' });
}
