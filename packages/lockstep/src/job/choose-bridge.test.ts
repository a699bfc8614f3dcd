import { expect, it } from 'vitest';
import { type BridgeOffer, chooseBridge } from './choose-bridge.ts';

type Ucx = NonNullable<BridgeOffer['ucx']>;

/** A worker with UCX on a machine. */
const offer = (name: string, host: string, ucx: Partial<Ucx> = {}): BridgeOffer => ({
  name,
  host,
  ucx: { hasRdma: false, version: '1.13', room: 9, host, ...ucx },
});
const wired = { hasRdma: true };

it.each<[string, BridgeOffer[], string, string]>([
  ['a worker without ucx', [offer('a', 'x'), { name: 'b', host: 'x' }], 'ws', 'b offers no ucx'],
  [
    'a worker that says why it has none',
    [offer('a', 'x'), { name: 'b', host: 'x', lack: 'ucx: expected room' }],
    'ws',
    'b offers no ucx: ucx: expected room',
  ],
  ['one host', [offer('a', 'x'), offer('b', 'x')], 'ucx', 'all share one host'],
  ['two users of a host', [offer('a', 'x'), offer('b', 'x', { host: 'x, another' })], 'ws', 'they share no memory'],
  ['two hosts with RDMA', [offer('a', 'x', wired), offer('b', 'y', wired)], 'ws', 'they share no memory'],
  ['two versions', [offer('a', 'x'), offer('b', 'x', { version: '1.14' })], 'ws', 'b has another version of UCX'],
  ['two hosts', [offer('a', 'x'), offer('b', 'y')], 'ws', 'they share no memory'],
  [
    'little shared memory',
    [offer('a', 'x'), offer('b', 'x', { room: 1 })],
    'ws',
    '/dev/shm has too little room beside b',
  ],
])('chooses for %s', (_, members, bridge, reason) => {
  expect(chooseBridge({ asked: 'auto', members })).toEqual({ bridge, reason });
});

it.each<[string, BridgeOffer[]]>([
  ['on one host', [offer('a', 'x'), offer('b', 'x')]],
  ['between hosts that all have RDMA', [offer('a', 'x', wired), offer('b', 'y', wired)]],
])('gives UCX %s where it is asked for', (_, members) => {
  expect(chooseBridge({ asked: 'ucx', members })).toEqual({ bridge: 'ucx', reason: 'asked for' });
});

it('gives WebSocket where it is asked for', () => {
  expect(chooseBridge({ asked: 'ws', members: [offer('a', 'x')] }).bridge).toBe('ws');
});

it.each<[string, BridgeOffer, string]>([
  ['who has not what is asked for', { name: 'b', host: 'x' }, 'every worker to offer ucx, got none from b'],
  ['where there is too little memory', offer('b', 'x', { room: 1 }), 'shared memory for all workers beside b, got'],
  ['who has another version', offer('b', 'x', { version: '1.14' }), 'one version of UCX, got 1.13 and, from b, 1.14'],
  ['who could be reached by TCP only', offer('b', 'y'), 'workers that share memory, or an RDMA device for each, got'],
])('names %s', (_, other, message) => {
  const choose = (): unknown => chooseBridge({ asked: 'ucx', members: [offer('a', 'x', wired), other] });
  expect(choose).toThrow(expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining(message) }));
  expect(choose).toThrow(/^--bridge: [^\n]+\nhint: [^\n]+$/);
});
