// How numbers and times are written for people.

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** 1 worker, 2 workers. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  const [hours, rest] = [Math.floor(minutes / 60), (value: number) => String(value).padStart(2, '0')];
  return hours > 0 ? `${hours} h ${rest(minutes % 60)} min` : `${minutes} min ${rest(seconds % 60)} s`;
}

export function loss(value: number | undefined): string {
  return value === undefined ? '–' : value.toFixed(4);
}
