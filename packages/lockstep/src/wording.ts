// How numbers, times and generated text are written for people.

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

/** A model may write anything, also what moves a terminal's cursor: control characters but the line's end become dots. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, (character) =>
    character === '\t' ? '  ' : '·',
  );
}
