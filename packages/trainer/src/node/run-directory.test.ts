import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimExactly, claimRunDirectory, latestRunDirectory } from './run-directory.ts';

let parent: string;
beforeEach(async () => (parent = join(await mkdtemp(join(tmpdir(), 'runs-')), 'runs')));
afterEach(() => rm(join(parent, '..'), { recursive: true }));

describe('claimRunDirectory', () => {
  it('takes the name, then the name with a number', async () => {
    const names = [];
    for (let i = 0; i < 3; i++) names.push(basename(await claimRunDirectory(parent, 'moby')));
    expect(names).toEqual(['moby', 'moby-2', 'moby-3']);
  });

  it('gives everyone a folder of their own when many ask at once', async () => {
    const paths = await Promise.all(Array.from({ length: 10 }, () => claimRunDirectory(parent, 'moby')));
    expect(new Set(paths).size).toBe(10);
  });

  it('takes no path where a file is', async () => {
    await mkdir(parent);
    await writeFile(join(parent, 'moby'), '');
    expect(basename(await claimRunDirectory(parent, 'moby'))).toBe('moby-2');
  });
});

describe('latestRunDirectory', () => {
  it('goes by numbers and knows other names apart', async () => {
    expect(await latestRunDirectory(parent, 'moby')).toBeUndefined();
    for (const name of ['moby-dick', 'moby-2b', 'moby-02', 'moby--3', 'other'])
      await mkdir(join(parent, name), { recursive: true });
    expect(await latestRunDirectory(parent, 'moby')).toBeUndefined();
    await mkdir(join(parent, 'moby'));
    expect(await latestRunDirectory(parent, 'moby')).toBe(join(parent, 'moby'));
    for (const name of ['moby-9', 'moby-10']) await mkdir(join(parent, name));
    expect(await latestRunDirectory(parent, 'moby')).toBe(join(parent, 'moby-10'));
  });
});

describe('claimExactly', () => {
  it('takes a new or an empty folder', async () => {
    const path = join(parent, 'a/b');
    expect(await claimExactly(path)).toBe(path);
    expect(await claimExactly(path)).toBe(path);
  });

  it('refuses one that holds something, and a file', async () => {
    await mkdir(join(parent, 'full'), { recursive: true });
    await writeFile(join(parent, 'full', 'metrics.jsonl'), '');
    await expect(claimExactly(join(parent, 'full'))).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringMatching(
        /^--out: expected a new or empty folder, got .*full, which holds metrics.jsonl\nhint: --resume/,
      ),
    });
    await expect(claimExactly(join(parent, 'full', 'metrics.jsonl'))).rejects.toMatchObject({ code: 'CONFIG' });
  });
});
