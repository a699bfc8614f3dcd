// Dawn in Node polls for events with setImmediate as long as a WebGPU promise is pending, and so takes a whole core,
// on a CPU adapter the very core that should do the work. This puts its polling on a timer after a short spin.
//
// Dawn looks `setImmediate` up on the global object whenever it polls. The replacement lets everybody else's calls
// through: it knows Dawn's by their coming from within a call into Dawn, or from within Dawn's own callback.

/** How long Dawn may spin after it was asked for something, in milliseconds, before it polls by timer. */
export interface PumpOptions {
  readonly spinMs: number;
}

type Callback = (...args: unknown[]) => void;

let insideDawn = 0;

function inside<T>(work: () => T): T {
  insideDawn++;
  try {
    return work();
  } finally {
    insideDawn--;
  }
}

/** Slows Dawn's polling for this process. Called once, before the first device is opened. */
export function governPump({ spinMs }: PumpOptions): void {
  const immediate = globalThis.setImmediate;
  let spinUntil = 0;
  const poll = (callback: Callback, args: unknown[]): unknown => {
    const run = (): void => inside(() => callback(...args));
    return performance.now() < spinUntil ? immediate(run) : setTimeout(run, 1);
  };
  const governed = (callback: Callback, ...args: unknown[]): unknown =>
    insideDawn > 0 ? poll(callback, args) : immediate(callback, ...args);
  globalThis.setImmediate = Object.assign(governed, immediate) as unknown as typeof setImmediate;

  for (const [type, method] of promising()) {
    const original = type.prototype[method] as (...args: unknown[]) => unknown;
    type.prototype[method] = function (...args: unknown[]): unknown {
      spinUntil = performance.now() + spinMs;
      return inside(() => original.apply(this, args));
    };
  }
}

/** The methods that return promises, i.e. those that make Dawn poll. */
function promising(): [type: { prototype: Record<string, unknown> }, method: string][] {
  return [
    [GPUBuffer, 'mapAsync'],
    [GPUQueue, 'onSubmittedWorkDone'],
    [GPUDevice, 'createComputePipelineAsync'],
    [GPUDevice, 'popErrorScope'],
    [GPUShaderModule, 'getCompilationInfo'],
    [GPUAdapter, 'requestDevice'],
    [GPU, 'requestAdapter'],
  ] as unknown as [{ prototype: Record<string, unknown> }, string][];
}
