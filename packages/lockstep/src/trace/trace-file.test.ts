import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TraceSpan } from '@lockstep/collectives';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TraceFile } from './trace-file.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockstep-trace-'));
  path = join(folder, 'trace.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Event {
  readonly ph: string;
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly dur?: number;
  readonly args: Record<string, unknown>;
}

const read = (): Event[] => (JSON.parse(readFileSync(path, 'utf8')) as { traceEvents: Event[] }).traceEvents;
const span = (category: TraceSpan['category'], start: number, end: number): TraceSpan => ({
  name: `${category} “${start}”`,
  category,
  start: performance.timeOrigin + start,
  end: performance.timeOrigin + end,
  args: { bytes: 8 },
});

describe('a trace', () => {
  it('is whole JSON after every write, also when nobody closes it', () => {
    const file = TraceFile.open(path);
    expect(read()).toHaveLength(1);
    for (const end of [1, 2, 3]) {
      file.add('worker-0', [span('compute', end - 1, end)]);
      expect(read().filter(({ ph }) => ph === 'X')).toHaveLength(end);
    }
    file.close();
  });

  it('is not for all to read, even where one was that it takes the place of', () => {
    writeFileSync(path, 'x'.repeat(1000), { mode: 0o644 });
    chmodSync(path, 0o666);
    TraceFile.open(path).close();
    expect(read()).toHaveLength(1);
    expect((statSync(path).mode & 0o777).toString(8)).toBe('640');
  });

  it('is written to no link, pipe or second name of a file, which may lead to another’s', () => {
    const own = join(folder, 'own');
    writeFileSync(own, 'precious');
    for (const [make, got] of [
      [() => symlinkSync(own, path), 'a link'],
      [() => linkSync(own, path), 'one with 2 names'],
      [() => execFileSync('mkfifo', [path]), 'something else'],
    ] as const) {
      make();
      expect(() => TraceFile.open(path)).toThrow(`got ${got}`);
      rmSync(path);
    }
    expect(readFileSync(own, 'utf8')).toBe('precious');
  });

  it('ends when it is too long, says so once, and is whole JSON then', () => {
    const file = TraceFile.open(path, 1000);
    const notes = Array.from({ length: 100 }, (_, i) => file.add('worker-0', [span('compute', i, i + 1)]));
    expect(notes.filter(Boolean)).toEqual([
      expect.stringMatching(/^note: .*trace\.json ends here, for it has \d+ bytes$/),
    ]);
    expect(statSync(path).size).toBeLessThan(2000);
    expect(read().length).toBeGreaterThan(2);
  });

  it('has a process for each worker and a row for each category, in microseconds', () => {
    const file = TraceFile.open(path);
    file.add('worker-0', [span('compute', 0, 2), span('reduce', 1, 3)]);
    file.add('worker-1', [span('compute', 0, 1)]);
    const named = (what: string): unknown[] =>
      read()
        .filter(({ name }) => name === what)
        .map(({ args }) => args['name']);
    expect(new Set(named('process_name'))).toEqual(new Set(['worker-0', 'worker-1']));
    expect(named('thread_name')).toEqual(['compute', 'reduce', 'compute']);
    const [compute, reduce, other] = read().filter(({ ph }) => ph === 'X');
    expect(compute).toMatchObject({ dur: 2000, args: { bytes: 8 } });
    expect(compute!.pid).toBe(reduce!.pid);
    expect(compute!.tid).not.toBe(reduce!.tid);
    expect(other!.pid).not.toBe(compute!.pid);
    file.close();
  });

  it('gives spans that overlap rows of their own, and those that do not the same', () => {
    const file = TraceFile.open(path);
    file.add('worker-0', [span('reduce', 0, 2), span('reduce', 1, 3), span('reduce', 2, 4)]);
    const [a, b, c] = read().filter(({ ph }) => ph === 'X');
    expect(a!.tid).not.toBe(b!.tid);
    expect(c!.tid).toBe(a!.tid);
    file.close();
  });

  it('refuses a file that cannot be written', () => {
    const wrong = join(folder, 'none', 'trace.json');
    expect(() => TraceFile.open(wrong)).toThrow(
      expect.objectContaining({
        code: 'CONFIG',
        message: `--trace: expected a file that can be written, got ${wrong} (ENOENT)`,
      }),
    );
  });
});
