// Commands that are printed to be pasted. Everything that is goes through here.
import { isPrintableLine } from './printable.ts';

/**
 * A command line that a shell takes apart into exactly these words: sh, bash and zsh, and on Windows cmd and PowerShell, or
 * PowerShell alone where cmd has no way to say a word.
 */
export function shellCommand(words: readonly string[], platform: NodeJS.Platform = process.platform): string {
  if (platform !== 'win32') return words.map(posixWord).join(' ');
  const line = words.map(windowsWord).join(' ');
  return words.some(needsPowerShell) ? `${line}  # in PowerShell` : line;
}

/** A path as a word that no program takes for an option. */
export function pathWord(path: string): string {
  return path.startsWith('-') ? `./${path}` : path;
}

/** Single quotes hold all but themselves. What a terminal would not show is made by printf, which `$(…)` gives but for line ends at the end. */
function posixWord(text: string): string {
  if (/^[\w@%+:,./-][\w@%+=:,./-]*$/.test(text)) return text;
  if (isPrintableLine(text)) return `'${text.replaceAll("'", String.raw`'\''`)}'`;
  return text.endsWith('\n') ? `$'${octal(text)}'` : `"$(printf '${octal(text).replaceAll('%', '%%')}')"`;
}

function octal(text: string): string {
  return Array.from(Buffer.from(text), (byte) => {
    const character = String.fromCharCode(byte);
    return /[\w@%+=:,. /]/.test(character) ? character : `\\${byte.toString(8).padStart(3, '0')}`;
  }).join('');
}

/** What a pair of double quotes does not keep from cmd or PowerShell. */
const needsPowerShell = (text: string): boolean => /["$`%!^“”„]/.test(text);

function windowsWord(text: string): string {
  if (/^[\w+:./\\-]+$/.test(text)) return text;
  if (needsPowerShell(text)) return `'${text.replaceAll(/['‘’‚‛]/g, '$&$&')}'`;
  return `"${text.replace(/\\+$/, '$&$&')}"`;
}
