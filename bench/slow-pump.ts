/** Dawn polls for finished work on `setImmediate`, without pause; on a timer it leaves the core to the adapter. */
export function slowPump(): void {
  const later = (f: (...args: unknown[]) => void, ...args: unknown[]) => setTimeout(f, 1, ...args);
  globalThis.setImmediate = later as unknown as typeof setImmediate;
}
