import { expect, it } from 'vitest';
import { type BridgeOffer, chooseBridge } from './choose-bridge.ts';

const offer = (name: string, host: string, hasRdma?: boolean, version = '1.13', room = 9): BridgeOffer => ({
  name,
  host,
  ...(hasRdma !== undefined && { ucx: { hasRdma, version, room } }),
});

it.each<[string, BridgeOffer[], string, string]>([
  ['a worker without ucx', [offer('a', 'x', true), offer('b', 'x')], 'ws', 'b offers no ucx'],
  ['one host', [offer('a', 'x', false), offer('b', 'x', false)], 'ucx', 'all share one host'],
  ['two hosts with RDMA', [offer('a', 'x', true), offer('b', 'y', true)], 'ucx', 'all have an RDMA device'],
  ['two hosts, one without', [offer('a', 'x', false), offer('b', 'y', true)], 'ws', 'several hosts, not all with RDMA'],
  ['two versions', [offer('a', 'x', true), offer('b', 'x', true, '1.14')], 'ws', 'b has another version of UCX'],
  [
    'little shared memory',
    [offer('a', 'x', true), offer('b', 'x', true, '1.13', 1)],
    'ws',
    '/dev/shm has too little room beside b',
  ],
  ['two hosts, none', [offer('a', 'x', false), offer('b', 'y', false)], 'ws', 'several hosts, not all with RDMA'],
])('chooses for %s', (_, members, bridge, reason) => {
  expect(chooseBridge({ asked: 'auto', members })).toEqual({ bridge, reason });
});

it('gives what is asked for', () => {
  const members = [offer('a', 'x', false), offer('b', 'y', false)];
  expect(chooseBridge({ asked: 'ws', members }).bridge).toBe('ws');
  expect(chooseBridge({ asked: 'ucx', members }).bridge).toBe('ucx');
});

it('names the worker that has not what is asked for', () => {
  expect(() => chooseBridge({ asked: 'ucx', members: [offer('a', 'x', true), offer('b', 'x')] })).toThrow(
    '--bridge: expected every worker to offer ucx, got none from b\nhint: ',
  );
});

it('refuses what there is too little shared memory for', () => {
  const members = [offer('a', 'x', true), offer('b', 'x', true, '1.13', 1)];
  expect(() => chooseBridge({ asked: 'ucx', members })).toThrow(
    '--bridge: expected shared memory for all workers beside b, got too little\nhint: ',
  );
});
