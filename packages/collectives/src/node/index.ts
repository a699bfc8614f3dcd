// The WebSocket bridge in Node, over the package `ws`.

export { Door } from './door.ts';
export { type Certificate, makeCertificate } from './certificate.ts';
export { connect, type NodeConnectOptions, takeSeat } from './connect.ts';
export { type NodeSocket, openSocket } from './node-socket.ts';
export { type OpenServer, openServer } from './server.ts';
