// A worker in a page: it joins a job and swaps a small and a large message with the other worker, through the hub.
import { connect } from '@lockstep/collectives';

/** What came from rank 0 or 1, the other one: the sum of its bytes, of the small message and of the large. */
export async function exchange(url: string, token: string, lengths: readonly number[]): Promise<number[]> {
  const session = await connect({ url, token, name: 'page' });
  const other = 1 - session.rank;
  const sums = lengths.map(async (length, tag) => {
    const into = new Uint8Array(length);
    const sent = session.transport.send(other, tag, new Uint8Array(length).fill(2));
    await Promise.all([sent, session.transport.recv(other, tag, into)]);
    return into.reduce((sum, byte) => sum + byte, 0);
  });
  const all = await Promise.all(sums);
  await session.close();
  return all;
}
