import { describe, expect, test } from 'vitest';
import { decodeAddress, encodeAddress } from './address.ts';

const address = {
  version: '1.13',
  host: Uint8Array.from({ length: 16 }, (_, i) => i),
  pid: 4_000_000_000,
  ucx: Uint8Array.from({ length: 215 }, (_, i) => 255 - i),
};

describe('an address', () => {
  test('comes back as it was', () => {
    const { version, host, pid, ucx } = decodeAddress(3, encodeAddress(address), '1.13');
    expect({ version, pid, host: Uint8Array.from(host) }).toEqual({
      version: '1.13',
      pid: address.pid,
      host: address.host,
    });
    expect(ucx.subarray(0, 215)).toEqual(address.ucx);
  });

  test('is followed by zeros, where a reader that believes a wrong length ends', () => {
    const { ucx } = decodeAddress(3, encodeAddress(address), '1.13');
    expect(ucx.subarray(215).every((byte) => byte === 0)).toBe(true);
    expect(ucx.length).toBeGreaterThan(1000);
  });

  test('is refused when one of its bits is another', () => {
    const whole = encodeAddress(address);
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const bytes = whole.slice();
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => decodeAddress(3, bytes, '1.13')).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
    }
  });

  test('is refused when it is cut or longer', () => {
    const whole = encodeAddress(address);
    const wrong = Array.from({ length: whole.length }, (_, length) => whole.subarray(0, length));
    for (const bytes of [...wrong, Uint8Array.from([...whole, 0]), new Uint8Array(100_000)]) {
      expect(() => decodeAddress(3, bytes, '1.13')).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
    }
  });

  test('of another UCX is refused with what to do', () => {
    const theirs = encodeAddress({ ...address, version: '1.16' });
    const error = expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining('hint: install') });
    expect(() => decodeAddress(3, theirs, '1.13')).toThrow(error);
  });
});
