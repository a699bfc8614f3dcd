/**
 * Puts what others took for the same tasks into a bench file.
 *
 * usage: tsx with-peers.ts bench.json [peers of torch_steps.py] [results of step.ts --json] > with-peers.json
 */
import { readFileSync } from 'node:fs';

interface Peer {
  name: string;
  task: string;
  us: number;
  note?: string;
}
/** What `step.ts --json` prints. */
interface StepResults {
  results: { size: string; timings: { peer: string; pump: string; medianMs: number }[] }[];
}

const [file, ...others] = process.argv.slice(2);
if (!file) throw new Error('with-peers: expected a bench file');
const bench = JSON.parse(readFileSync(file, 'utf8')) as { peers: Peer[] };
for (const other of others) bench.peers.push(...peersIn(readFileSync(other, 'utf8')));
console.log(JSON.stringify(bench));

function peersIn(text: string): Peer[] {
  const lines = text.split('\n').filter((line) => line.startsWith('{'));
  return lines.flatMap((line) => {
    const value = JSON.parse(line) as Peer | StepResults;
    return 'results' in value ? value.results.flatMap(stepPeers) : [value];
  });
}

function stepPeers({ size, timings }: StepResults['results'][number]): Peer[] {
  return timings.map(({ peer, pump, medianMs }) => ({
    name: peer,
    task: `step of ${size}`,
    us: 1000 * medianMs,
    note: pump,
  }));
}
