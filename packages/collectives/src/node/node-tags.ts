// The tags of messages (websocket/tags.ts) by OpenSSL: at once, and from views on any memory.

import { createCipheriv } from 'node:crypto';
import { nonceOf } from '../websocket/tags.ts';

export function nodeTags(key: Uint8Array): (parts: readonly Uint8Array[]) => Uint8Array {
  let number = 0;
  return (parts) => {
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(number++));
    for (const part of parts) cipher.setAAD(part);
    cipher.final();
    return cipher.getAuthTag();
  };
}
