/** Runs one peer in a process of its own, so that no library, cache or event pump touches another's numbers. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { PeerName } from './peers/peer.ts';
import type { SizeName } from './problem.ts';

/** How Dawn's event pump turns: on `setImmediate`, as everyone installs it, or on a timer of 1 ms. */
export type Pump = 'as installed' | 'pump slowed';

export interface Order {
  peer: PeerName;
  size: SizeName;
  pump: Pump;
  /** How many losses to compute; there is one step's work between each and the next. */
  losses: number;
}

export interface Outcome {
  adapter: string;
  losses: number[];
  /** Milliseconds from each loss to the next. */
  intervals: number[];
}

const child = fileURLToPath(new URL('child.ts', import.meta.url));

/** Throws when the child fails, with the last it said. */
export async function runPeer(order: Order): Promise<Outcome> {
  const args = [...process.execArgv, child, JSON.stringify(order)];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 26 });
    return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Outcome;
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    const last = stderr.trimEnd().split('\n').slice(-20).join('\n') || String(error);
    throw new Error(`bench: ${order.peer} failed (size ${order.size}, ${order.pump})\n${last}`, { cause: error });
  }
}
