// Makes one Ctrl-C one signal: the terminal sends it to this process, and npm or npx, when they stand between, send it
// once more. Without this a command that takes the second one for "at once" could never stop with care.
// @ts-check

/**
 * Drops an interrupt that follows another within the time no finger is that fast. Call it before listening for SIGINT.
 * @param {{ within?: number }} [options] in milliseconds
 */
export function dropEchoedInterrupts({ within = 200 } = {}) {
  const emit = process.emit.bind(process);
  let last = -Infinity;
  process.emit = function (/** @type {any[]} */ ...event) {
    const now = performance.now();
    if (event[0] === 'SIGINT' && now - last < within) return true;
    if (event[0] === 'SIGINT') last = now;
    return Reflect.apply(emit, undefined, event);
  };
}
