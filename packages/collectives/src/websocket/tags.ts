// What binds the messages of a connection to its handshake: each carries a tag, AES-256-GCM with the message as additional
// data and nothing to encrypt (GMAC, NIST SP 800-38D), under a key of its direction and with its number as the nonce. So
// nobody on the way can forge, change, repeat, reorder or leave out a message without the next tag being wrong.

export const tagBytes = 16;

/** The tag of the next message of one direction, given in parts. */
export type NextTag = (parts: readonly Uint8Array[]) => Uint8Array | Promise<Uint8Array>;

/** The nonce of a message: never used twice under a key, for numbers only go up. */
export function nonceOf(number: number): Uint8Array<ArrayBuffer> {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(4, BigInt(number), true);
  return nonce;
}

/** Tags by WebCrypto, which every platform has, but none at once. */
export function webTags(key: Uint8Array<ArrayBuffer>): NextTag {
  const imported = crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt']);
  imported.catch(() => undefined); // the first message says so
  let number = 0;
  return async (parts) => {
    const algorithm = { name: 'AES-GCM', iv: nonceOf(number++), additionalData: concat(parts) };
    return new Uint8Array(await crypto.subtle.encrypt(algorithm, await imported, new Uint8Array(0)));
  };
}

/** In a time that does not depend on where they differ. */
export function sameTag(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < tagBytes; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
