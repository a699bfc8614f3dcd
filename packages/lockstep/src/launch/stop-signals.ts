// The signals that ask this process to end, as a typed module; they are caught by a script of set-up, before anything else is loaded.
import { setUpScript } from '../job/set-up-script.ts';

interface StopSignals {
  readonly stopSignals: readonly NodeJS.Signals[];
  /** Sets who is told of each, until the returned function is called. Without a listener the process ends at once. */
  readonly onStopSignal: (listener: (signal: NodeJS.Signals) => void) => () => void;
  /** 128 and the signal's number. */
  readonly signalCode: (signal: NodeJS.Signals) => number;
}

const script = await setUpScript<StopSignals>('stop-signals.mjs');

export const stopSignals: StopSignals['stopSignals'] = script.stopSignals;
export const onStopSignal: StopSignals['onStopSignal'] = script.onStopSignal;
export const signalCode: StopSignals['signalCode'] = script.signalCode;

/** The signal that has ended a process, by itself or by what is caught here; nothing where it ended otherwise. */
export function signalOf({
  code,
  signal,
}: {
  code: number | null;
  signal: NodeJS.Signals | null;
}): NodeJS.Signals | undefined {
  return stopSignals.find((one) => one === signal || signalCode(one) === code);
}
