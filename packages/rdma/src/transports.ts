// Which of UCX's transports may be used: those that no stranger can reach, for UCX asks nobody who he is. A TCP listener
// of UCX takes a put (address, length, data) from anyone who connects to it; System V segments can be attached by their
// number.

import { ConfigError } from '@lockstep/collectives';
import { hasRdmaDevice } from './load-library.ts';

/** Shared memory that is opened through /proc, which is for processes of the same user. */
const onHost = ['posix', 'self'];
/** Over a fabric whose every host is trusted. */
const overRdma = ['rc', 'ud', 'dc'];

export interface TransportOptions {
  /** As in UCX_TLS, which is what holds otherwise. */
  readonly tls?: string | undefined;
  /** Whether an RDMA device may be used, where there is one. */
  readonly rdma: boolean;
}

/** The value of UCX_TLS. @throws {ConfigError} where something else is asked for. */
export function transportsFor({ tls = process.env['UCX_TLS'], rdma }: TransportOptions): string {
  if (tls === undefined) return [...onHost, ...(rdma && hasRdmaDevice() ? overRdma : [])].join();
  const names = tls.split(',');
  const allowed = [...onHost, ...(rdma ? overRdma : [])];
  const other = names.find((name) => !allowed.includes(name.replace(/^(rc|ud|dc)_\w+$/, '$1')));
  if (other === undefined) return tls;
  throw new ConfigError(
    `ucx: expected UCX_TLS to name only ${allowed.join(', ')}, which no stranger can reach, got ${JSON.stringify(other)}\nhint: unset UCX_TLS${rdma ? '' : '; rc, ud and dc need --bridge ucx'}`,
  );
}
