// The in-process bridge: ranks as objects that hand bytes to each other. For tests and simulation.

import { PeerLostError } from '@lockstep/errors';
import { Mailbox } from './mailbox.ts';
import { checkPeer, type Transport } from './transport.ts';

export interface MemoryBridge {
  /** One transport per rank. */
  readonly transports: readonly Transport[];
  /** Ends a rank as a crash would: its calls and those that wait for it reject with `PeerLostError`. */
  kill(rank: number): void;
}

/** Opens `size` ranks inside this process. `send` copies, and so resolves at once. */
export function memoryBridge(size: number): MemoryBridge {
  const mailboxes = Array.from({ length: size }, () => new Mailbox());
  const gone = new Set<number>();

  const leave = (rank: number): void => {
    gone.add(rank);
    mailboxes[rank]!.close(new PeerLostError(rank, `transport: rank ${rank} has left`));
    for (const [peer, mailbox] of mailboxes.entries()) if (peer !== rank) mailbox.lose(rank, new PeerLostError(rank));
  };
  const open = (rank: number): Transport => ({
    rank,
    size,
    async send(to, tag, bytes) {
      checkPeer(to, { rank, size });
      if (gone.has(rank)) throw new PeerLostError(rank, `transport: rank ${rank} has left`);
      if (gone.has(to)) throw new PeerLostError(to);
      mailboxes[to]!.deliver({ from: rank, tag, total: bytes.length, offset: 0, payload: bytes });
    },
    async recv(from, tag, into) {
      checkPeer(from, { rank, size });
      await mailboxes[rank]!.recv(from, tag, into);
    },
    async close() {
      leave(rank);
    },
  });
  return { transports: mailboxes.map((_, rank) => open(rank)), kill: leave };
}
