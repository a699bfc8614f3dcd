// The WebSocket bridge through a real hub on 127.0.0.1: with connections between the workers, and through the hub.

import { openWebSockets } from './bridges.ts';
import { checkTransport } from './check-transport.ts';

checkTransport('direct WebSocket', (size) => openWebSockets(size, { direct: true }));
checkTransport('relayed WebSocket', (size) => openWebSockets(size, { direct: false }));
