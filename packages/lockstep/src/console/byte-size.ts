// Amounts of bytes as people write them: 64 KiB.

const units = ['B', 'KiB', 'MiB', 'GiB'] as const;

/** Bytes from a text such as 64KiB, 1.5 MiB or 1024; nothing where it is none, or no whole number of bytes. */
export function parseByteSize(text: string): number | undefined {
  const [, value, unit = 'B'] = /^(\d{1,12}(?:\.\d+)?) ?(B|KiB|MiB|GiB)?$/.exec(text.trim()) ?? [];
  const bytes = Number(value) * 1024 ** units.findIndex((name) => name === unit);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

export function formatByteSize(bytes: number): string {
  const power = bytes === 0 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${Number((bytes / 1024 ** power).toFixed(2))} ${units[power]}`;
}
