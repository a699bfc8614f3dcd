// What the bridge needs of a WebSocket: the browser's own class has it, and so has that of the package `ws`.

export interface SocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  /** Takes a copy, or calls `written` when `data` may be reused. A browser does the former and ignores `written`. */
  send(data: Uint8Array<ArrayBuffer>, written?: () => void): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'open' | 'error', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: 'close', listener: (event: { readonly code: number; readonly reason: string }) => void): void;
}

export type SocketClass = new (url: string) => SocketLike;
