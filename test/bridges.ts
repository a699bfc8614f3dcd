// Bridges opened within one process, through the real parts, for tests that are the same for all of them.

import type { Session } from '@lockstep/collectives';
import { connect } from '@lockstep/collectives/node';
import { startHub } from '../packages/lockstep/src/hub/hub.ts';
import type { OpenedBridge } from './check-transport.ts';

const token = 'secret';

/** Workers that meet at a hub on 127.0.0.1; `direct` with connections between them, else through the hub. */
export async function openWebSockets(size: number, { direct }: { direct: boolean }): Promise<OpenedBridge> {
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
