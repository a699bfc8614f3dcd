import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pathWord, shellCommand } from './shell-words.ts';

const words = [
  'plain',
  'a b',
  '',
  'Übung #1',
  `it's "x"`,
  '$HOME `id` $(id)',
  'a\\b',
  '*',
  '[a-z]?',
  '~',
  '=ls',
  '!!',
  'a;b|c&d',
  '(a) {a,b}',
  '#',
  '50%',
  'name=x',
  '--x',
  '\t',
  'a\nb',
  'end\\',
  '\u001b[2J',
  '!\n!',
  '-n\u202e%s',
];
const shells = ['/bin/sh', '/bin/bash', '/usr/bin/zsh'].filter((shell) => existsSync(shell));

describe('a command to be pasted', () => {
  it.each(shells)('gives %s the very words', (shell) => {
    const print = [process.execPath, '-e', 'process.stdout.write(JSON.stringify(process.argv.slice(1)))', '--'];
    const out = execFileSync(shell, ['-c', shellCommand([...print, ...words])], { encoding: 'utf8' });
    expect(JSON.parse(out)).toEqual(words);
  });

  it('shows nothing that a terminal would obey or hide', () => {
    // eslint-disable-next-line no-control-regex
    expect(shellCommand(words)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
    expect(shellCommand(['train', 'runs/moby-dick', 'model.layers=6'])).toBe('train runs/moby-dick model.layers=6');
  });

  it('is quoted for cmd and PowerShell on Windows, and says where only PowerShell takes it', () => {
    expect(shellCommand(['train', 'runs\\a b\\', 'c:\\x', ''], 'win32')).toBe('train "runs\\a b\\\\" c:\\x ""');
    expect(shellCommand(['x', "it's $5"], 'win32')).toBe("x 'it''s $5'  # in PowerShell");
  });

  it('has no path that passes for an option', () => {
    expect([pathWord('-x'), pathWord('x'), pathWord('/x')]).toEqual(['./-x', 'x', '/x']);
  });
});
