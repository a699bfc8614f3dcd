/**
 * Times products of square f32 matrices in Lockstep, jax-js, tfjs and ONNX Runtime on the same adapter, and in PyTorch on the CPU. Every
 * chain of products is checked against f64 before and after it is timed. The method is in README.md.
 *
 * usage: npm run bench -- products [--sizes 256,512,1024] [--peers lockstep,onnxruntime] [--rounds N] [--json]
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { productPeerNames, type ProductPeerName, type ProductRow } from './peers/product-peer.ts';
import { findTorch, torchProducts, torchWords } from './peers/torch-cpu.ts';
import { checkProducts, productProblem } from './product-problem.ts';
import { layOut, machine, median } from './report.ts';
import type { Pump } from './run-peer.ts';

const pumps: Pump[] = ['as installed', 'pump slowed'];
const peers = [...productPeerNames, 'pytorch'] as const;
type Peer = (typeof peers)[number];

interface Options {
  sizes: number[];
  peers: Peer[];
  rounds: number;
  json: boolean;
}

/** GFLOP/s of each round, by size. */
interface Result {
  who: string;
  bySize: Map<number, number[]>;
}

async function main({ sizes, peers: wanted, rounds, json }: Options): Promise<void> {
  const host = machine();
  const results = new Map<string, Result>();
  const adapters = new Set<string>();
  const torch = wanted.includes('pytorch') ? await findTorch() : undefined;
  const note = (who: string, rows: ProductRow[]): void => {
    const result = results.get(who) ?? { who, bySize: new Map(sizes.map((n) => [n, []])) };
    results.set(who, result);
    for (const row of rows) {
      checkProducts(who, row);
      result.bySize.get(row.n)!.push((2 * row.n ** 3) / row.us / 1e3);
    }
  };
  for (let round = 1; round <= rounds; round++) {
    for (const peer of productPeerNames.filter((name) => wanted.includes(name)))
      for (const pump of pumpsOf(peer)) {
        console.error(`round ${round} of ${rounds}: ${peer}, ${pump} …`);
        const { adapter, rows } = await inChild({ peer, sizes, pump });
        if (adapter !== undefined) adapters.add(adapter);
        if (adapters.size > 1)
          throw new Error(`bench: all peers must run on one adapter, got ${[...adapters].join(' and ')}`);
        note(pump === 'as installed' ? peer : `${peer}, ${pump}`, rows);
      }
    if (torch && !('missing' in torch)) {
      console.error(`round ${round} of ${rounds}: pytorch …`);
      const found = await torchProducts(new Map(sizes.map((n) => [n, productProblem(n)])));
      note(torchWords(found), found.rows);
    }
  }
  const missing = torch && 'missing' in torch ? torch.missing : undefined;
  const all = [...results.values()];
  if (json)
    return console.log(JSON.stringify({ machine: host, adapters: [...adapters], missing, results: all.map(plain) }));
  console.log(`
${host.cpu}, ${host.cores} cores, Node ${host.node}, load ${host.load.toFixed(2)} before
${[...adapters].join()}; GFLOP/s of products of f32, median of ${rounds} rounds (least – greatest)

${table(all, sizes)}${missing === undefined ? '' : `\n\n${missing}`}`);
}

/** ONNX Runtime's WebGPU is its own, and polls as it likes; Lockstep governs the pump itself, whatever it is. */
const pumpsOf = (peer: ProductPeerName): Pump[] =>
  peer === 'onnxruntime' || peer === 'lockstep' ? ['as installed'] : pumps;

const plain = ({ who, bySize }: Result): object => ({ who, gflops: Object.fromEntries(bySize) });

function table(all: readonly Result[], sizes: readonly number[]): string {
  const cell = (gflops: readonly number[]): string => {
    const [low, high] = [Math.min(...gflops), Math.max(...gflops)];
    return `${figure(median(gflops))} (${figure(low)} – ${figure(high)})`;
  };
  const rows = all.map(({ who, bySize }) => [who, ...sizes.map((n) => cell(bySize.get(n)!))]);
  return layOut([['', ...sizes.map((n) => `${n}³`)], ...rows]);
}

const figure = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value.toPrecision(2 + Number(value >= 10));

async function inChild(order: {
  peer: ProductPeerName;
  sizes: number[];
  pump: Pump;
}): Promise<{ adapter?: string; rows: ProductRow[] }> {
  const child = fileURLToPath(new URL('product-child.ts', import.meta.url));
  try {
    const args = [...process.execArgv, child, JSON.stringify(order)];
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 26 });
    return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as { adapter?: string; rows: ProductRow[] };
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    const last = stderr.trimEnd().split('\n').slice(-20).join('\n') || String(error);
    throw new Error(`bench: ${order.peer} failed (${order.pump})\n${last}`, { cause: error });
  }
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      sizes: { type: 'string', default: '256,512,1024' },
      peers: { type: 'string', default: peers.join(',') },
      rounds: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
    },
  });
  const whole = (option: string, text: string): number => {
    if (!/^[1-9]\d{0,4}$/.test(text)) throw new Error(`bench: ${option} must be of positive integers, got ${text}`);
    return Number(text);
  };
  return {
    sizes: values.sizes.split(',').map((text) => whole('--sizes', text)),
    peers: values.peers.split(',').map((text) => {
      const known = peers.find((name) => name === text);
      if (!known) throw new Error(`bench: --peers must be of ${peers.join(', ')}, got ${text}`);
      return known;
    }),
    rounds: whole('--rounds', values.rounds),
    json: values.json,
  };
}

try {
  await main(readOptions());
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
