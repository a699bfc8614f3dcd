// The WebSocket bridge through a real hub on 127.0.0.1: with connections between the workers, and through the hub.

import type { Session } from '@lockstep/collectives';
import { connect } from '@lockstep/collectives/node';
import { startHub } from '../packages/lockstep/src/hub.ts';
import { checkTransport, type OpenedBridge } from './check-transport.ts';

const token = 'secret';

async function open(size: number, direct: boolean): Promise<OpenedBridge> {
  const hub = await startHub({ size, token });
  const join = (_: unknown, i: number): Promise<Session> =>
    connect({ url: hub.url, token, name: `worker-${i}`, direct });
  const sessions = await Promise.all(Array.from({ length: size }, join));
  return {
    transports: sessions.map((session) => session.transport),
    kill: (rank) => sessions[rank]!.abort(),
    close: async () => {
      await Promise.all(sessions.map((session) => session.close()));
      await hub.close();
    },
  };
}

checkTransport('direct WebSocket', (size) => open(size, true));
checkTransport('relayed WebSocket', (size) => open(size, false));
