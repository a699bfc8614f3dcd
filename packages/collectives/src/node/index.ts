// The WebSocket bridge in Node, over the package `ws`.

import { WebSocket } from 'ws';
import { maxFrameBytes } from '../frame.ts';
import { type ConnectOptions, connect as connectWith, type Session } from '../ws.ts';

export interface NodeConnectOptions extends Omit<ConnectOptions, 'WebSocket'> {
  /** Whether the process may end while it is connected; what waits for a message still keeps it running. */
  readonly background?: boolean;
}

/** Joins a job from Node: see `connect` of the main entry. */
export function connect({ background = false, ...options }: NodeConnectOptions): Promise<Session> {
  return connectWith({ ...options, WebSocket: background ? BackgroundSocket : NodeSocket });
}

/** Compression costs more than it saves on gradients. */
export class NodeSocket extends WebSocket {
  constructor(url: string) {
    super(url, { perMessageDeflate: false, maxPayload: maxFrameBytes, generateMask: zeroMask });
  }
}

class BackgroundSocket extends NodeSocket {
  constructor(url: string) {
    super(url);
    this.once('upgrade', ({ socket }) => socket.unref());
  }
}

/**
 * Masks protect proxies from scripts in browsers that choose their bytes (RFC 6455, 10.3). Between Lockstep's own
 * processes a mask of zeros costs nothing to apply.
 */
function zeroMask(mask: Buffer): void {
  mask.fill(0);
}
