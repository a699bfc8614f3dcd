// The columns of nccl-tests, for those who know them.

export interface CollectiveRow {
  readonly bytes: number;
  /** GB/s (10⁹ bytes): bytes over time. */
  readonly algbw: number;
  /** algbw · 2(n − 1)/n: what each link has to carry, whatever the number of workers. */
  readonly busbw: number;
  /** Microseconds per call. */
  readonly us: number;
  readonly algorithm: string;
}

export const tableHead: string = [
  line('#', 'size', 'count', 'type', 'redop', 'time', 'algbw', 'busbw', '#wrong', 'algorithm'),
  line('#', '(B)', '(elements)', '', '', '(µs)', '(GB/s)', '(GB/s)', '', ''),
].join('\n');

/** A row of the all-reduce of f32, none of whose elements was wrong. */
export function tableRow({ bytes, us, algbw, busbw, algorithm }: CollectiveRow): string {
  const count = bytes / Float32Array.BYTES_PER_ELEMENT;
  const speed = (value: number): string => value.toFixed(value < 0.1 ? 4 : 2);
  const time = us.toFixed(us < 1000 ? 1 : 0);
  return line('', `${bytes}`, `${count}`, 'float', 'sum', time, speed(algbw), speed(busbw), '0', algorithm);
}

export function rowOf(bytes: number, seconds: number, size: number): Omit<CollectiveRow, 'algorithm'> {
  const rounded = (value: number): number => Number(value.toPrecision(6));
  const algbw = bytes / seconds / 1e9;
  return { bytes, algbw: rounded(algbw), busbw: rounded((algbw * 2 * (size - 1)) / size), us: rounded(seconds * 1e6) };
}

function line(...[mark, size, count, type, redop, time, algbw, busbw, wrong, algorithm]: string[]): string {
  const numbers = [size!.padStart(11), count!.padStart(12), type!.padStart(7), redop!.padStart(7), time!.padStart(10)];
  const results = [algbw!.padStart(8), busbw!.padStart(8), wrong!.padStart(7), `  ${algorithm}`];
  return [mark!.padEnd(1), ...numbers, ...results].join('').trimEnd();
}
