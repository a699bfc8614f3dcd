// Which of the workers that failed is to blame, and what is said about it: when one dies, the others lose a peer.
import type { WorkerExit } from '../launch/worker-processes.ts';

/** What a worker said of its failure before it ended. */
export interface LastWords {
  readonly code: string;
  readonly message: string;
}

/** The end of a run by a worker: the worker's own error where it could tell, or what is known of its crash. */
export class WorkerError extends Error {
  override readonly name = 'WorkerError';
  /** The worker's own, such as CONFIG. */
  readonly code: string;

  constructor({ worker, code, signal, lastLines }: WorkerExit, said: LastWords | undefined) {
    const how = signal ? `by signal ${signal}` : `with exit code ${code}`;
    const report = [`train: ${worker} ended ${how}`, ...lastLines.map((line) => `  ${worker}: ${line}`)].join('\n');
    super(said?.message ?? report);
    this.code = said?.code ?? 'WORKER';
  }
}

/** Errors that follow from somebody else's. */
export function isConsequence(said: LastWords | undefined): boolean {
  return said?.code === 'PEER_LOST' || said?.code === 'TIMEOUT';
}
