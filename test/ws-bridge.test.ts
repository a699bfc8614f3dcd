// The WebSocket bridge through a real hub on 127.0.0.1.

import { connect, type Session } from '@lockstep/collectives';
import { NodeSocket } from '@lockstep/collectives/node';
import { startHub } from '../packages/lockstep/src/hub.ts';
import { checkTransport } from './check-transport.ts';

const token = 'secret';

checkTransport('relayed WebSocket', async (size) => {
  const hub = await startHub({ size, token });
  const sockets = new Map<string, NodeSocket>();
  const join = (name: string): Promise<Session> => {
    class Recorded extends NodeSocket {
      constructor(url: string) {
        super(url);
        sockets.set(name, this);
      }
    }
    return connect({ url: hub.url, token, name, WebSocket: Recorded });
  };
  const sessions = await Promise.all(Array.from({ length: size }, (_, i) => join(`worker-${i}`)));
  return {
    transports: sessions.map((session) => session.transport),
    kill: (rank) => sockets.get(sessions[rank]!.name)!.terminate(),
    close: async () => {
      await Promise.all(sessions.map((session) => session.close()));
      await hub.close();
    },
  };
});
