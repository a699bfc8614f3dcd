// A model, an optimizer or another value of a run in a few words: its name, and what of its settings a person wants to see.
import { type Defined, isDefined, settingsOf } from '@lockstep/nn';

/** The value's name and its settings that are numbers, texts or truths, such as `gpt · layers 2 · heads 4`. */
export function describeValue(value: Defined, { most = 6 }: { most?: number } = {}): string {
  const words = Object.entries(settingsOf(value)).flatMap(([name, setting]) => {
    if (setting === false || setting === undefined || typeof setting === 'object') return [];
    return [setting === true ? name : `${name} ${String(setting)}`];
  });
  return [value.kind, ...words.slice(0, most)].join(' · ');
}

/** An optimizer by its name, and those that it is made of: `groups(matrices: muon, rest: adamW)`. */
export function describeParts(value: Defined): string {
  const parts = Object.entries(settingsOf(value)).filter(([, part]) => isDefined(part)) as [string, Defined][];
  if (parts.length === 0) return value.kind;
  const named = parts.map(([name, part]) =>
    name === part.kind ? describeParts(part) : `${name}: ${describeParts(part)}`,
  );
  return `${value.kind}(${named.join(', ')})`;
}
