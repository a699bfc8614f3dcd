// What a run's folder must be to be written to. Where tests run as root, files of other users are made, too; elsewhere they cannot be.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
} from 'node:fs';
import { readFileSync, readdirSync, symlinkSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isOwnFile, openOwnFile } from './own-file.ts';
import { letGroupThrough, openRunToWrite, requireOwnRun, shareOf } from './own-run.ts';

const isRoot = process.geteuid?.() === 0;
const stranger = 12_345;

let outside = '';
let root = '';
beforeEach(() => {
  outside = mkdtempSync(join(tmpdir(), 'own-run-'));
  root = join(outside, 'run');
  mkdirSync(root);
  for (const name of ['run.json', 'metrics.jsonl', 'loss.svg', 'samples.txt'])
    writeFileSync(join(root, name), 'mine\n');
  for (const name of ['checkpoints', 'model']) mkdirSync(join(root, name));
  writeFileSync(join(outside, 'precious'), 'kept\n');
  mkdirSync(join(outside, 'folder'));
});
afterEach(() => rmSync(outside, { recursive: true }));

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

describe('requireOwnRun', () => {
  it('takes a run as it was left, a new one, and one that is reached through links', () => {
    requireOwnRun(root);
    symlinkSync(root, join(outside, 'link'));
    requireOwnRun(join(outside, 'link'));
    rmSync(root, { recursive: true });
    mkdirSync(root);
    requireOwnRun(root);
    expect(readdirSync(root)).toEqual([]);
  });

  const files = ['run.json', 'metrics.jsonl', 'loss.svg', 'samples.txt'];
  it.each([...files.map((name) => [name, 'precious']), ['checkpoints', 'folder'], ['model', 'folder']])(
    'refuses a link in place of %s, also to what is not there',
    (name, target) => {
      for (const to of [join(outside, target), join(outside, 'nothing'), 'run.json']) {
        rmSync(join(root, name), { recursive: true, force: true });
        symlinkSync(to, join(root, name));
        expect(() => requireOwnRun(root)).toThrow(
          new RegExp(`${name}: expected a (file|folder) of its own, got a link\\nhint: links are followed on the way`),
        );
      }
    },
  );

  it('refuses a file with a second name, a pipe, and a folder where a file should be', () => {
    const metrics = join(root, 'metrics.jsonl');
    unlinkSync(metrics);
    linkSync(join(outside, 'precious'), metrics);
    expect(() => requireOwnRun(root)).toThrow(/metrics\.jsonl: expected .*, got one with 2 names \(hard links\)\n/);
    unlinkSync(metrics);
    execFileSync('mkfifo', [metrics]);
    expect(() => requireOwnRun(root)).toThrow(/metrics\.jsonl: expected a file, got something else\n/);
    unlinkSync(metrics);
    mkdirSync(metrics);
    expect(() => requireOwnRun(root)).toThrow(/metrics\.jsonl: expected a file, got something else\n/);
  });

  it('takes a lock with two names, and refuses one that is a link or a pipe', () => {
    writeFileSync(join(root, 'lock'), '');
    linkSync(join(root, 'lock'), join(root, 'lock.x.new'));
    requireOwnRun(root);
    for (const name of ['lock', 'lock.x.new', 'lock.0123456789abcdef']) {
      rmSync(join(root, name), { force: true });
      symlinkSync(join(outside, 'precious'), join(root, name));
      expect(() => requireOwnRun(root)).toThrow(`${name}: expected a lock of its own, got a link`);
      unlinkSync(join(root, name));
      execFileSync('mkfifo', [join(root, name)]);
      expect(() => requireOwnRun(root)).toThrow(`${name}: expected a lock, got something else`);
      unlinkSync(join(root, name));
    }
  });

  it.runIf(isRoot).each(['.', 'run.json', 'checkpoints', 'model'])('refuses %s of another user', (name) => {
    chownSync(join(root, name), stranger, stranger);
    expect(() => requireOwnRun(root)).toThrow(
      new RegExp(
        `expected a place of this user's \\(uid 0\\) to write to, got one of uid ${stranger}\\nhint: what is another`,
      ),
    );
    expect(readdirSync(root)).toHaveLength(6);
  });
});

describe('openOwnFile', () => {
  const append = constants.O_APPEND | constants.O_WRONLY | constants.O_CREAT;

  it('appends to a file of the user’s own', () => {
    writeSync(openOwnFile(join(root, 'samples.txt'), append), 'more\n');
    writeSync(openOwnFile(join(root, 'new.txt'), append), 'new\n');
    expect(readFileSync(join(root, 'samples.txt'), 'utf8')).toBe('mine\nmore\n');
    expect(readFileSync(join(root, 'new.txt'), 'utf8')).toBe('new\n');
  });

  it('writes through no link, to what is there or not', () => {
    for (const target of ['precious', 'nothing']) {
      const path = join(root, `to-${target}`);
      symlinkSync(join(outside, target), path);
      expect(() => openOwnFile(path, append)).toThrow(/got a link\n/);
      expect(isOwnFile(path)).toBe(false);
    }
    expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('kept\n');
    expect(lstatSync(join(outside, 'nothing'), { throwIfNoEntry: false })).toBeUndefined();
  });
});

describe('openRunToWrite', () => {
  const before = process.umask(0o022);
  process.umask(before);
  afterEach(() => void process.umask(before));

  /** The modes of the run's folder, of a folder and of a file that are made in it. */
  const modes = (): string[] => {
    mkdirSync(join(root, 'made'));
    writeFileSync(join(root, 'made', 'file'), '');
    const found = ['.', 'made', 'made/file'].map((name) => modeOf(join(root, name)));
    rmSync(join(root, 'made'), { recursive: true });
    return found;
  };

  it('closes a folder and what is made in it to all others, and opens them to the group where that is asked for', () => {
    chmodSync(root, 0o755);
    openRunToWrite(root);
    expect(modes()).toEqual(['700', '700', '600']);
    openRunToWrite(root, 'group');
    expect(modes()).toEqual(['750', '750', '640']);
  });

  it('leaves a folder to the group that had it, and keeps the bit that hands the group on', () => {
    chmodSync(root, 0o2750);
    openRunToWrite(root);
    expect([modeOf(root), shareOf(root)]).toEqual(['2750', 'group']);
    openRunToWrite(root, 'nobody');
    expect([modeOf(root), shareOf(root)]).toEqual(['2700', 'nobody']);
  });

  it('changes nothing of a folder that it refuses', () => {
    chmodSync(root, 0o755);
    rmSync(join(root, 'model'), { recursive: true });
    symlinkSync(outside, join(root, 'model'));
    expect(() => openRunToWrite(root)).toThrow(/model: expected a folder of its own, got a link\n/);
    expect(modeOf(root)).toBe('755');
    expect(process.umask(before)).toBe(before);
  });
});

it('a group that may read a run is let through the folder of runs, and sees no more of it', () => {
  chmodSync(outside, 0o700);
  letGroupThrough(outside);
  expect(modeOf(outside)).toBe('710');
});
