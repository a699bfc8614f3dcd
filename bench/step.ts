/**
 * Times a whole training step (forward, backward, AdamW) of a GPT-2 in Lockstep, jax-js and tfjs: the same weights, batch
 * and adapter; and in PyTorch on the CPU. All losses must agree before a time is printed. The method is in README.md.
 *
 * usage: npm run bench -- [--size S|M] [--peers lockstep,jax-js,tfjs,pytorch] [--steps N] [--json]
 */
import { parseArgs } from 'node:util';
import { checkAgreement } from './agree.ts';
import { peerNames, type PeerName } from './peers/peer.ts';
import { findTorch, type Missing, torchSteps, type TorchSteps, torchWords } from './peers/torch-cpu.ts';
import { makeProblem, sizes, type SizeName } from './problem.ts';
import { machine, median, ratios, table, timing, type Machine, type Timing } from './report.ts';
import { runPeer, type Order, type Outcome, type Pump } from './run-peer.ts';

/** The columns of the table. The second is run first, and further, because it is the faster. */
const pumps: Pump[] = ['as installed', 'pump slowed'];
const checkedLosses = 10;
/** The step to the first loss compiles everything; the one after it may still fill caches. */
const warmUp = 1;

type Ran = Omit<Order, 'losses'> & Outcome;

/** PyTorch runs on no adapter: it has no row in the table of those that do. */
const allPeers = [...peerNames, 'pytorch'] as const;

try {
  await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const options = readOptions();
  const host = machine();
  const results = [];
  for (const size of options.sizes) {
    const peers = peerNames.filter((name) => options.peers.includes(name));
    const runs = await runAll(size, peers, options.steps);
    const timings = runs.map(toTiming);
    const torch = options.peers.includes('pytorch') ? await runTorch(size, options.steps) : undefined;
    const judged = judge(runs, torch);
    const result = { size, config: sizes[size], ...judged, timings, ratios: ratios(timings, pumps), torch };
    results.push(result);
    if (!options.json) print(result, host);
  }
  if (options.json) console.log(JSON.stringify({ machine: host, results }));
}

type AnyPeer = (typeof allPeers)[number];

function readOptions(): { sizes: SizeName[]; peers: AnyPeer[]; steps: number; json: boolean } {
  const { values } = parseArgs({
    options: {
      size: { type: 'string', default: Object.keys(sizes).join(',') },
      peers: { type: 'string', default: allPeers.join(',') },
      steps: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
    },
  });
  const steps = Number(values.steps);
  if (!Number.isInteger(steps) || steps < 1)
    throw new Error(`bench: --steps must be a positive integer, got ${values.steps}`);
  const chosen = oneOf('--peers', values.peers, [...allPeers]);
  if (chosen.every((name) => name === 'pytorch'))
    throw new Error(`bench: --peers must hold one of ${peerNames.join(', ')}, got pytorch alone`);
  return {
    sizes: oneOf('--size', values.size, Object.keys(sizes) as SizeName[]),
    peers: chosen,
    steps,
    json: values.json,
  };
}

/** Splits at commas and checks every part. */
function oneOf<T extends string>(option: string, text: string, allowed: T[]): T[] {
  return text.split(',').map((part) => {
    const known = allowed.find((name) => name === part);
    if (!known) throw new Error(`bench: ${option} must be of ${allowed.join(', ')}, got ${part}`);
    return known;
  });
}

/** One after another, never two at once: they would take each other's cores. */
async function runAll(size: SizeName, peers: PeerName[], steps: number): Promise<Ran[]> {
  const runs: Ran[] = [];
  for (const pump of pumps.toReversed()) {
    for (const peer of peers) {
      const enough = 1 + warmUp + steps;
      const losses = pump === 'pump slowed' ? Math.max(checkedLosses, enough) : enough;
      console.error(`size ${size}, ${pump}: ${losses} steps of ${peer} …`);
      runs.push({ size, pump, peer, ...(await runPeer({ size, pump, peer, losses })) });
      judge(runs); // no need to run the rest
    }
  }
  return runs;
}

type Torch = (TorchSteps & { medianMs: number }) | Missing;

/** PyTorch's steps, or why there are none. */
async function runTorch(size: SizeName, steps: number): Promise<Torch> {
  const found = await findTorch();
  if ('missing' in found) return found;
  console.error(`size ${size}: ${Math.max(checkedLosses, 1 + warmUp + steps)} steps of pytorch …`);
  const ran = await torchSteps(makeProblem(sizes[size]), Math.max(checkedLosses, 1 + warmUp + steps));
  return { ...ran, medianMs: median(ran.intervals.slice(warmUp)) };
}

/** Throws unless all runs share an adapter and agree in every loss, with PyTorch, too. */
function judge(runs: Ran[], torch?: Torch): { adapter: string; losses: number[]; largestDifference: number } {
  const [first] = runs;
  const stranger = runs.find(({ adapter }) => adapter !== first!.adapter);
  if (stranger)
    throw new Error(`bench: all peers must run on ${first!.adapter}, but ${stranger.peer} got ${stranger.adapter}`);
  const all = runs.map(({ peer, pump, losses }) => ({ who: `${peer} (${pump})`, losses }));
  if (torch && 'losses' in torch) all.push({ who: torchWords(torch), losses: torch.losses });
  return { adapter: first!.adapter, losses: first!.losses, largestDifference: checkAgreement(all) };
}

function toTiming({ size, peer, pump, intervals }: Ran): Timing {
  return timing({ size, peer, pump }, sizes[size], intervals.slice(warmUp));
}

type Result = ReturnType<typeof judge> & { size: SizeName; timings: Timing[]; torch: Torch | undefined };

function print({ size, adapter, losses, largestDifference, timings, torch }: Result, host: Machine): void {
  const { vocab, context, batch, layers, heads, width } = sizes[size];
  console.log(`
Size ${size}: vocabulary ${vocab}, T ${context}, B ${batch}, ${layers} layers, ${heads} heads, width ${width}
${host.cpu}, ${host.cores} cores, Node ${host.node}, load ${host.load.toFixed(2)} before
${adapter}

${table(timings, pumps)}
${torch ? `\n${torchLine(torch)}\n` : ''}
Losses of all agree: ${losses[0]!.toFixed(4)} → ${losses.at(-1)!.toFixed(4)} over ${losses.length} steps, largest relative difference ${largestDifference.toExponential(1)}`);
}

function torchLine(torch: Torch): string {
  return 'missing' in torch ? torch.missing : `${torchWords(torch)}: ${Math.round(torch.medianMs)} ms per step`;
}
