// Ctrl-C: once asks for an end with care, twice for an end at once. A request to terminate, or a terminal that closes, is
// taken as the first.

/** Calls `first` and `second` on interrupts, until the returned function is called. */
export function onInterrupt({ first, second }: { first: () => void; second: () => void }): () => void {
  let asked = false;
  const interrupt = (): void => {
    if (asked) return second();
    asked = true;
    first();
  };
  const terminate = (): void => {
    if (!asked) interrupt();
  };
  const listeners = [
    ['SIGINT', interrupt],
    ['SIGTERM', terminate],
    ['SIGHUP', terminate],
  ] as const;
  for (const [signal, listener] of listeners) process.on(signal, listener);
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener);
  };
}
