import { describe, expect, test } from 'vitest';
import { type Address, decodeAddress, encodeAddress, encodeBody } from './address.ts';

const encode = (whole: Address): Uint8Array => encodeAddress(encodeBody(whole), 34);

const address = {
  version: '1.13',
  host: Uint8Array.from({ length: 16 }, (_, i) => i),
  pid: 4_000_000_000,
  arena: { fd: 33, id: new Uint8Array(16).fill(7) },
  ucx: Uint8Array.from({ length: 215 }, (_, i) => 255 - i),
};

describe('an address', () => {
  test('comes back as it was', () => {
    const { version, host, pid, ucx, arena, voucher, body } = decodeAddress(3, encode(address), '1.13');
    expect({ version, pid, host: Uint8Array.from(host) }).toEqual({
      version: '1.13',
      pid: address.pid,
      host: address.host,
    });
    expect(ucx.subarray(0, 215)).toEqual(address.ucx);
    expect({ fd: arena.fd, id: Uint8Array.from(arena.id), voucher }).toEqual({ ...address.arena, voucher: 34 });
    expect(Buffer.compare(body, encodeBody(address))).toBe(0);
  });

  test('is followed by zeros, where a reader that believes a wrong length ends', () => {
    const { ucx } = decodeAddress(3, encode(address), '1.13');
    expect(ucx.subarray(215).every((byte) => byte === 0)).toBe(true);
    expect(ucx.length).toBeGreaterThan(1000);
  });

  test('is refused when one of its bits is another', () => {
    const whole = encode(address);
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const bytes = whole.slice();
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => decodeAddress(3, bytes, '1.13')).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
    }
  });

  test('is refused when it is cut or longer', () => {
    const whole = encode(address);
    const wrong = Array.from({ length: whole.length }, (_, length) => whole.subarray(0, length));
    for (const bytes of [...wrong, Uint8Array.from([...whole, 0]), new Uint8Array(100_000)]) {
      expect(() => decodeAddress(3, bytes, '1.13')).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
    }
  });

  test('of another UCX is refused with what to do', () => {
    const theirs = encode({ ...address, version: '1.16' });
    const error = expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining('hint: install') });
    expect(() => decodeAddress(3, theirs, '1.13')).toThrow(error);
  });
});
