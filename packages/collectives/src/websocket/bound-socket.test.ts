import { expect, test } from 'vitest';
import { BoundSocket } from './bound-socket.ts';
import type { SocketLike } from './socket.ts';

const key = new Uint8Array(32);
const none = new Uint8Array(16);

/** A socket that is bound, whose tags come one after the other from `tags`. */
function bound(tags: readonly Promise<Uint8Array>[], send: (data: Uint8Array) => void = () => {}) {
  const errors: Error[] = [];
  const waiting = [...tags];
  const socket = { bufferedAmount: 0, send, tags: () => () => waiting.shift()! } as unknown as SocketLike;
  const made = new BoundSocket(socket, (error) => errors.push(error));
  made.bind({ send: key, receive: key });
  return { bound: made, errors };
}

test('a tag that cannot be made ends the connection, and leaves nobody waiting', async () => {
  const { bound: socket, errors } = bound([Promise.reject(new Error('no key')), Promise.resolve(none)]);
  socket.send([none], { sent: () => {} });
  socket.send([none], { sent: () => {} });
  await socket.drained();
  expect(errors.map(({ message }) => message)).toEqual(['no key']);
});

test('so does a socket that does not take what has waited for its tag', async () => {
  const { bound: socket, errors } = bound([Promise.resolve(none)], () => {
    throw new Error('not open');
  });
  socket.send([none], { sent: () => {} });
  await socket.drained();
  expect(errors.map(({ message }) => message)).toEqual(['not open']);
});

test('so does a message whose tag is another', async () => {
  const { bound: socket, errors } = bound([Promise.resolve(new Uint8Array(16).fill(1))]);
  socket.receive(new Uint8Array(20), () => {});
  await new Promise<void>((resolve) => socket.afterwards(resolve));
  expect(errors).toMatchObject([{ code: 'PROTOCOL' }]);
});
