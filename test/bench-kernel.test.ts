// `lockstep bench kernel` as its user meets it: kernels that are right, wrong, do not compile, never end.
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { run } from './cli.ts';

const kernel = (statement: string): string => `
struct Params { size: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
override LANES: u32 = 64u;
@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if (i < params.size) { ${statement} }
}`;

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'bench-kernel-'));
  const files = {
    'right.wgsl': kernel('y[i] = 2.0 * x[i];'),
    'wrong.wgsl': kernel('y[i] = 2.1 * x[i];'),
    'broken.wgsl': kernel('y[i] = 2.0 * z[i];'),
    'endless.wgsl': kernel('loop { if (params.size == 0u) { break; } y[0] += 1.0; }'),
    'ref.ts': 'export default ({ x }: { x: Float32Array }) => ({ y: x.map((v) => 2 * v) });',
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(cwd, name), content);
});

const bench = (file: string, ...args: string[]): ReturnType<typeof run> =>
  run(['bench', 'kernel', file, '--reference', 'ref.ts', '--shapes', '16x16', '--rounds', '2', ...args], {
    cwd,
    env: { NO_COLOR: '1' },
  });

test('a kernel that is right is timed at each setting, the best one named', async () => {
  const { code, stdout } = await bench('right.wgsl', '--tune', 'LANES=32,64', '--json', 'out.json');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^right\.wgsl +16x16 +f32 +LANES=\d+ /m);
  const { kernels } = JSON.parse(await readFile(join(cwd, 'out.json'), 'utf8')) as { kernels: object[] };
  expect(kernels).toMatchObject([
    { status: 'ok', constants: { LANES: 32 }, maxError: 0 },
    { status: 'ok', constants: { LANES: 64 }, maxError: 0 },
  ]);
});

test.each([
  [
    'that is wrong',
    'wrong.wgsl',
    [],
    /^16x16 own: wrong: y\[\d+\] is \S+ and not \S+; the largest error is 5\.0e-2 of the largest value$/m,
  ],
  [
    'that does not compile',
    'broken.wgsl',
    [],
    /^16x16 own: failed: broken\.wgsl: .*line \d+:\d+: unresolved value 'z'$/m,
  ],
  [
    'that never ends',
    'endless.wgsl',
    ['--deadline', '5'],
    /^16x16 own: timeout: did not end within 5 s, and its process was killed$/m,
  ],
])('a kernel %s has no time, but one line', async (_what, file, args, line) => {
  const { code, stdout } = await bench(file, ...args);
  expect(code).toBe(1);
  expect(stdout).toMatch(line);
  expect(stdout).not.toMatch(/µs/);
});

test('wrong use is refused before anything runs', async () => {
  expect(await bench('none.wgsl')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(
      /^error bench kernel: expected a file, got none\.wgsl, which does not exist$/m,
    ) as string,
  });
  expect(await bench('right.wgsl', '--tune', 'LANES')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^error bench kernel: expected --tune NAME=value,value, got LANES$/m) as string,
  });
});
