// Loaded before the command in every process of a job: worker-1 reaches its hub through somebody on the way, who changes a bit of a message
// after the handshake.
import { isMainThread } from 'node:worker_threads';
import { openRelay } from '../open-relay.mjs';

const { env } = process;
/** The proof comes first; then a message that says where the worker can be reached. */
const changed = 1;

if (isMainThread && env.LOCKSTEP_NAME === 'worker-1') {
  const relay = await openRelay(env.LOCKSTEP_HUB, (message, n, direction) => [
    direction === 'to hub' && n === changed ? message.with(message.length - 1, message.at(-1) ^ 1) : message,
  ]);
  relay.unref(); // it keeps nobody from his end
  env.LOCKSTEP_HUB = relay.url;
}
