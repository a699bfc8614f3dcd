/**
 * One library's products, in one mode of Dawn's event pump: started by products.ts, prints one JSON line.
 *
 * usage: tsx product-child.ts '{"peer":"tfjs","sizes":[256,512],"pump":"pump slowed"}'
 *
 * Nothing of a library is imported before the pump is set: a library must never see the other `setImmediate`.
 */
import type { ProductRow, ProductPeerName } from './peers/product-peer.ts';
import type { Pump } from './run-peer.ts';
import { slowPump } from './slow-pump.ts';

const { peer, sizes, pump } = JSON.parse(process.argv[2]!) as { peer: ProductPeerName; sizes: number[]; pump: Pump };
if (pump === 'pump slowed') slowPump();
const secondsPerChain = 0.3;
console.log(JSON.stringify(await run()));
process.exit(0);

async function run(): Promise<{ adapter?: string; rows: ProductRow[] }> {
  const { productProblem, checkProducts } = await import('./product-problem.ts');
  const { loadProductPeer } = await import('./peers/product-peer.ts');
  const library = await loadProductPeer(peer);
  const rows: ProductRow[] = [];
  let adapter: string | undefined;
  for (const n of sizes) {
    const prepared = await library.prepare(n, ...productProblem(n));
    adapter ??= prepared.adapter;
    checkProducts(peer, { n, count: 1, row: await prepared.chain(1) });
    rows.push({ n, ...(await timed((products) => prepared.chain(products))) });
    await prepared.finish?.();
  }
  return { ...(adapter !== undefined && { adapter }), rows };
}

/** Chains that double until one takes long enough for its read-back not to count, then the median of five. */
async function timed(chain: (products: number) => Promise<Float32Array>): Promise<Omit<ProductRow, 'n'>> {
  const seconds = async (products: number): Promise<number> => {
    const start = performance.now();
    await chain(products);
    return (performance.now() - start) / 1000;
  };
  let count = 1;
  // The first of a length may compile.
  while ((await seconds(count), await seconds(count)) < secondsPerChain) count *= 2;
  const times: number[] = [];
  for (let i = 0; i < 5; i++) times.push(await seconds(count));
  return { us: (1e6 * times.toSorted((a, b) => a - b)[2]!) / count, count, row: [...(await chain(count))] };
}
