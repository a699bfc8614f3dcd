// What is said of strangers: the first lines as they are, then only how many there were, so that nobody can fill a log.

/** Lines that may come at once. */
const burst = 5;
/** After this as many may come again. */
const windowMs = 60_000;

export class StrangerLog {
  readonly #who: string;
  readonly #log: (line: string) => void;
  #said = 0;
  #unsaid = 0;
  #since = 0;

  constructor(who: string, log: (line: string) => void) {
    this.#who = who;
    this.#log = log;
  }

  line(text: string): void {
    if (performance.now() - this.#since > windowMs) this.#begin();
    if (this.#said++ < burst) this.#log(`${this.#who}: ${text}`);
    else this.#unsaid++;
  }

  /** Says what has not been said. */
  close(): void {
    if (this.#unsaid > 0) this.#log(`${this.#who}: ${this.#unsaid} more strangers were turned away`);
    this.#unsaid = 0;
  }

  #begin(): void {
    this.close();
    this.#said = 0;
    this.#since = performance.now();
  }
}
