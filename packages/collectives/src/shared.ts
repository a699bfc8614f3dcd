// What groups have in common that divide the work of the same ranks in different ways: their connections, and the count of their calls.
import { Executor, type GroupConfiguration, type Offload, offloadOf } from './executor.ts';
import { Messages } from './messages.ts';
import { Notices } from './notices.ts';
import { Scratch } from './scratch.ts';
import type { Transport } from './transport.ts';
import { Waits } from './waits.ts';

export interface Shared {
  /** So far. */
  calls: number;
  readonly timeoutMs: number;
  readonly waits: Waits;
  readonly scratch: Scratch;
  readonly messages: Messages;
  readonly executor: Executor;
  /** Where the bridge has a thread of its own, that does the work. */
  readonly offload: Offload | undefined;
  readonly notices: Notices;
}

interface Callbacks {
  /** Hears of the first failure. */
  readonly fail: (error: Error) => void;
  /** Throws where the group has failed or is closed. */
  readonly expectOpen: () => void;
}

export function openShared(
  transport: Transport,
  configuration: GroupConfiguration,
  { fail, expectOpen }: Callbacks,
): Shared {
  const { timeoutMs } = configuration;
  const waits = new Waits(timeoutMs, fail);
  const scratch = new Scratch(transport.allocate?.bind(transport));
  return {
    calls: 0,
    timeoutMs,
    waits,
    scratch,
    messages: new Messages(transport, waits, expectOpen),
    executor: new Executor(configuration, { transport, waits, scratch }),
    offload: offloadOf(transport, configuration),
    notices: new Notices(transport, (error) => waits.fail(error)),
  };
}
