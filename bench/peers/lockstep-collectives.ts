/** The all-reduce of Lockstep as its users time it, with the command that they have. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CollectiveRow, Measurement, PeerResult } from './collectives.ts';

const command = fileURLToPath(new URL('../../packages/lockstep/bin/lockstep.js', import.meta.url));
/** Exit code of the command for what cannot be had, such as a bridge whose library is missing. */
const badInput = 2;

/** Throws with what the command said when a worker fails. */
export async function runLockstep({
  workers,
  sizes,
  bridge,
}: Measurement & { bridge: 'ws' | 'ucx' }): Promise<PeerResult> {
  const name = `Lockstep, ${bridge}`;
  const job = ['--workers', `${workers}`, '--bridge', bridge, '--sizes', sizes.join(',')];
  const args = [command, 'bench', 'collectives', ...job, '--json'];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, NO_COLOR: '1' } });
    return { name, rows: (JSON.parse(stdout) as { rows: CollectiveRow[] }).rows };
  } catch (error) {
    const { code, stderr = '' } = error as { code?: unknown; stderr?: string };
    if (code === badInput) return { name, missing: hintOf(stderr) };
    throw new Error(`bench: ${name} failed\n${stderr.trimEnd() || String(error)}`, { cause: error });
  }
}

/** What the command says can be done about it. */
function hintOf(stderr: string): string {
  return /^hint: (.+)$/m.exec(stderr)?.[1] ?? stderr.trimEnd();
}
