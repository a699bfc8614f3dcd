/**
 * One peer, one size, one mode of Dawn's event pump: started by run-peer.ts, prints one JSON line.
 *
 * usage: tsx child.ts '{"peer":"tfjs","size":"S","pump":"pump slowed","losses":10}'
 *
 * Nothing of a library is imported before the pump is set: a library must never see the other `setImmediate`.
 */
import type { Order, Outcome } from './run-peer.ts';
import { slowPump } from './slow-pump.ts';

const order = JSON.parse(process.argv[2]!) as Order;
if (order.pump === 'pump slowed') slowPump();
console.log(JSON.stringify(await run(order)));
process.exit(0);

async function run({ peer, size, losses: count }: Order): Promise<Outcome> {
  const { makeProblem, sizes } = await import('./problem.ts');
  const { loadPeer } = await import('./peers/peer.ts');
  const prepared = await (await loadPeer(peer)).prepare(makeProblem(sizes[size]));
  const losses: number[] = [];
  const times: number[] = [];
  while (losses.length < count) {
    losses.push(await prepared.step());
    times.push(performance.now());
  }
  await prepared.finish?.();
  return { adapter: prepared.adapter, losses, intervals: times.slice(1).map((time, i) => time - times[i]!) };
}
