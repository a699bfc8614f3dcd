// How far the hub's clock is from this process's.

const rounds = 8;

export class HubClock {
  readonly #ask: (id: number) => void;
  readonly #asked = new Map<number, (hubTime: number) => void>();
  #next = 0;
  #alive: ReturnType<typeof setInterval> | undefined;

  /** `ask` makes the hub answer with its time. */
  constructor(ask: (id: number) => void) {
    this.#ask = ask;
  }

  /** The hub's answer, in milliseconds since 1970. */
  answer(id: number, hubTime: number): void {
    this.#asked.get(id)?.(hubTime);
    this.#asked.delete(id);
  }

  /** Milliseconds to add to this process's time to get the hub's: of some asks, the quickest. */
  async offset(): Promise<number> {
    let best = { roundTrip: Infinity, offset: 0 };
    this.#alive = setInterval(() => undefined, 2 ** 30); // the connection alone may not keep this process running
    for (let round = 0; round < rounds; round++) {
      const sent = now();
      const hubTime = await this.#hubTime();
      const roundTrip = now() - sent;
      if (roundTrip < best.roundTrip) best = { roundTrip, offset: hubTime - (sent + roundTrip / 2) };
    }
    this.end();
    return best.offset;
  }

  /** No more answers come. */
  end(): void {
    clearInterval(this.#alive);
  }

  #hubTime(): Promise<number> {
    const id = this.#next++;
    const answer = new Promise<number>((resolve) => this.#asked.set(id, resolve));
    this.#ask(id);
    return answer;
  }
}

const now = (): number => performance.timeOrigin + performance.now();
