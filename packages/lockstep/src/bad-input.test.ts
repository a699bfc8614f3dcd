// Every bad input that a user may give, through the built command: one clear line, exit code 2, and nothing written.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chown, mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytes, createModel, encodeSafetensors, gpt, sgd, type TensorToStore } from '@lockstep/nn';
import { constant, defineRun, text } from '@lockstep/trainer';
import {
  claimRunDirectory,
  lockRun,
  runHash,
  runPaths,
  saveCheckpoint,
  storedSettings,
  writeRunRecord,
} from '@lockstep/trainer/node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startHub } from './hub/hub.ts';

const command = fileURLToPath(new URL('../bin/lockstep.js', import.meta.url));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-bad-input-'));
  await writeFile(
    join(folder, 'text.txt'),
    'Call me Ishmael. Some years ago—never mind how long precisely.\n'.repeat(50),
  );
});
afterEach(() => rm(folder, { recursive: true }));

const options = {
  name: 'tiny',
  model: gpt({ layers: 1, heads: 1, width: 16, context: 16 }),
  data: text('./text.txt', { tokenizer: 'bytes' }),
  optimizer: sgd(),
  schedule: constant({ peak: 0.1 }),
  batch: 8,
  steps: 10,
};

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function lockstep(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const settings = {
    cwd: folder,
    env: { ...process.env, LOCKSTEP_CACHE: join(folder, 'cache'), NO_COLOR: '1', ...env },
  };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [command, ...args], settings, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

/** The run of {@link options} as a file, with changes in code. TypeScript, so that loading it is tried too. */
async function writeRun(changes = ''): Promise<void> {
  await writeFile(
    join(folder, 'run.ts'),
    `import { constant, gpt, sgd, text } from 'lockstep';
const run: object = {
  name: 'tiny',
  model: gpt({ layers: 1, heads: 1, width: 16, context: 16 }),
  data: text('./text.txt', { tokenizer: 'bytes' }),
  optimizer: sgd(),
  schedule: constant({ peak: 0.1 }),
  batch: 8,
  steps: 10,
  ${changes}
};
export default run;
`,
  );
}

async function expectRefusal(
  args: readonly string[],
  message: RegExp,
  env: Record<string, string> = {},
): Promise<void> {
  const { code, stdout, stderr } = await lockstep(args, env);
  expect(stderr).toMatch(message);
  expect(stderr.trimEnd().split('\n').length, stderr).toBeLessThanOrEqual(2);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
}

describe('lockstep train', () => {
  it.each<[string, string, readonly string[], RegExp]>([
    ['a wrong key', 'sede: 1,', [], /^error run\.ts: sede: expected a known name, such as seed \(.*\), got 1$/m],
    [
      'a wrong key in --set',
      '',
      ['--set', 'model.layrs=2'],
      /^error --set: model\.layrs: expected a known name, such as layers/,
    ],
    [
      'a batch that shards do not divide',
      'batch: 12,',
      [],
      /^error run\.ts: batch: expected a multiple of shards \(8\), got 12\nhint: 8 or 16/,
    ],
    [
      'fewer shards than workers',
      '',
      ['--workers', '9'],
      /^error train: expected at most one worker per shard \(8\), got 9 workers\n/,
    ],
    [
      'a context longer than the data',
      'model: gpt({ layers: 1, heads: 1, width: 16, context: 100_000 }),',
      [],
      /^error text: expected more than 100000 .*, got 2925 in \.\/text\.txt$/m,
    ],
    ['a text that is not there', "data: text('./nix.txt'),", [], /^error text: expected a file, .*nix\.txt/],
    [
      'a prompt that the text has no characters for',
      "data: text('./text.txt'), sample: { prompt: '☃' },",
      [],
      /^error train: expected a sample\.prompt in the characters of \.\/text\.txt, got "☃"\nhint: /,
    ],
    [
      'a run to resume that is not there',
      '',
      ['--resume'],
      /^error --resume: expected a run in runs\/tiny, got no such folder$/m,
    ],
    [
      'a run to resume at a place where none is',
      '',
      ['--resume', '--out', 'nix'],
      /^error nix\/run\.json: expected the record of a run, got ENOENT$/m,
    ],
  ])('refuses %s', async (_, changes, args, message) => {
    await writeRun(changes);
    await expectRefusal(['train', 'run.ts', ...args], message);
    expect(existsSync(join(folder, 'runs'))).toBe(false);
  });

  it('refuses a run file that is missing, a folder, without a default export, or broken', async () => {
    await writeFile(join(folder, 'empty.ts'), 'export const run = {};\n');
    await writeFile(join(folder, 'broken.ts'), 'export default {;\n');
    await writeFile(join(folder, 'number.mjs'), 'export default 3;\n');
    await expectRefusal(['train', 'nix.ts'], /^error train: expected a run file, got nix\.ts, which does not exist$/m);
    await expectRefusal(['train', '.'], /^error train: expected a run file, got \., which is a folder$/m);
    await expectRefusal(
      ['train', 'empty.ts'],
      /^error empty\.ts: expected a run as its default export, got none\nhint: export default defineRun/,
    );
    await expectRefusal(
      ['train', 'broken.ts'],
      /^error .*broken\.ts:1: expected code that can be bundled, got: Expected identifier but found ";"/,
    );
    await writeFile(join(folder, 'lonely.ts'), "\nimport 'no-such-package';\n");
    await expectRefusal(['train', 'lonely.ts'], /^error .*lonely\.ts:2: .*, got: Could not resolve "no-such-package"/);
    await expectRefusal(
      ['train', 'number.mjs'],
      /^error number\.mjs: expected a run as its default export, got 3\nhint: /,
    );
  });

  it.each([
    ['never ends', 'await new Promise(() => {});', 'an await at its top that nothing will end'],
    ['throws', '\nnull.x;', "TypeError: Cannot read properties of null (reading 'x') (line 2)"],
    ['ends the process', 'process.exit(0);', 'a call of process.exit(0)'],
    ['leaves a rejection', "Promise.reject(new Error('late'));", 'a rejection that it does not handle: Error: late'],
  ])('says in one line what is wrong with a run file that %s', async (_, source, got) => {
    await writeFile(join(folder, 'run.mjs'), source);
    const { code, stdout, stderr } = await lockstep(['train', 'run.mjs']);
    const said = `error run.mjs: expected a module that loads, got ${got}\n`;
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: said });
  });

  it('says in one line that a script never ends', async () => {
    await writeFile(join(folder, 'script.mjs'), 'await new Promise(() => {});');
    await expectRefusal(
      ['run', 'script.mjs'],
      /^error script\.mjs: expected a script that ends, got an await at its top that nothing will end$/m,
    );
  });

  it('refuses a text that is empty, or no text', async () => {
    await writeRun();
    await writeFile(join(folder, 'text.txt'), '');
    await expectRefusal(['train', 'run.ts'], /^error text: .*text\.txt/);
    await writeFile(join(folder, 'text.txt'), Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 0xff, 0xfe]));
    await expectRefusal(['train', 'run.ts'], /^error text: .*text\.txt/);
  });

  it('refuses a port in use, and leaves no folder behind', async () => {
    await writeRun();
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await expectRefusal(
      ['train', 'run.ts', '--port', String(port)],
      new RegExp(`^error hub: expected a free port, got ${port}, which is in use\nhint: `),
    );
    expect(readdirSync(join(folder, 'runs'))).toEqual([]);
    await new Promise((resolve) => server.close(resolve));
  });

  it('refuses a folder that holds something', async () => {
    await writeRun();
    await expectRefusal(
      ['train', 'run.ts', '--out', '.'],
      /^error --out: expected a new or empty folder, got \., which holds /,
    );
  });

  it.each<[string, RegExp]>([
    ['text.txt/x', /^error .*text\.txt: expected a folder that can be made, got EEXIST \(.*\)\nhint: /],
    ['/proc/x', /^error \/proc\/x: expected a folder that can be made, got ENOENT \(.*\)\nhint: /],
    ['a'.repeat(300), /^error a+: expected a folder that can be made, got ENAMETOOLONG \(.*\)\nhint: /],
  ])('refuses to write to %s', async (out, message) => {
    await writeRun();
    await expectRefusal(['train', 'run.ts', '--out', out], message);
  });

  it('suggests the command, option or value that was meant', async () => {
    await writeRun();
    await expectRefusal(['trian', 'run.ts'], /unknown command 'trian'\n\(Did you mean train\?\)/);
    await expectRefusal(
      ['train', 'run.ts', '--worker', '2'],
      /unknown option '--worker'\n\(Did you mean --workers\?\)/,
    );
    await expectRefusal(
      ['train', 'run.ts', '--workers', 'two'],
      /'two' is invalid\. Expected a whole number from 1 to 65536\./,
    );
    await expectRefusal(
      ['train', 'run.ts', '--port', '70000'],
      /'70000' is invalid\. Expected a whole number from 0 to 65535\./,
    );
    await expectRefusal(['train'], /missing required argument 'run'/);
  });
});

describe('lockstep train --resume', () => {
  const tensor = { shape: [2], data: Float32Array.of(1, 2) };

  /** A run folder with checkpoints at some steps, as a launch leaves it. */
  async function makeRun(steps: readonly number[]): Promise<string> {
    await writeRun();
    const run = defineRun(options);
    const root = await claimRunDirectory(join(folder, 'runs'), 'tiny');
    await writeRunRecord(runPaths(root).record, {
      run: storedSettings(run),
      file: 'run.ts',
      overrides: [],
      launches: [],
    });
    for (const step of steps) {
      const state = {
        step,
        weights: new Map([['w', tensor]]),
        optimizer: new Map([['velocity', new Map([['w', tensor]])]]),
      };
      await saveCheckpoint(runPaths(root).checkpoints, state, {
        run: runHash(run),
        keep: 9,
        model: { config: {}, tokenizer: bytes() },
      });
    }
    return root;
  }

  it('refuses a damaged checkpoint, and names the latest sound one', async () => {
    const { checkpoints } = runPaths(await makeRun([2, 4, 6]));
    await truncate(join(checkpoints, 'step-000006', 'model.safetensors'), 40);
    await expectRefusal(
      ['train', 'run.ts', '--resume'],
      /^error .*step-000006: expected model\.safetensors with sha256 .*\nhint: the latest sound one is .*step-000004; move/,
    );
    expect(readdirSync(checkpoints)).toHaveLength(3);
  });

  it('refuses to go on as another run, and says what changed', async () => {
    await makeRun([2]);
    await expectRefusal(
      ['train', 'run.ts', '--resume', '--set', 'batch=16'],
      /^error --resume: expected the run that runs\/tiny was begun with, got a change of batch: 8, now 16\nhint: /,
    );
  });

  it('refuses where no step is left', async () => {
    await makeRun([10]);
    await expectRefusal(
      ['train', 'run.ts', '--resume'],
      /^error --resume: expected a run with steps left, got runs\/tiny, which has taken all 10\nhint: --steps 20 goes on$/m,
    );
  });

  it('refuses a run of which a link leads out, whatever would be written there', async () => {
    const root = await makeRun([2]);
    const precious = join(folder, 'precious');
    await mkdir(join(precious, 'step-000001'), { recursive: true });
    await writeFile(join(precious, 'file'), 'kept');
    await rename(join(root, 'checkpoints'), join(precious, 'checkpoints'));
    for (const [name, target] of [
      ['checkpoints', 'checkpoints'],
      ['metrics.jsonl', 'file'],
      ['lock', 'nothing'],
    ] as const) {
      await symlink(join(precious, target), join(root, name));
      await expectRefusal(
        ['train', 'run.ts', '--resume'],
        new RegExp(
          `^error runs/tiny/${name.replace('.', '\\.')}: expected a \\w+ of its own, got a link\nhint: links are`,
        ),
      );
      await rm(join(root, name));
      if (name === 'checkpoints') await rename(join(precious, 'checkpoints'), join(root, 'checkpoints'));
    }
    expect(readFileSync(join(precious, 'file'), 'utf8')).toBe('kept');
    expect(readdirSync(precious).toSorted()).toEqual(['file', 'step-000001']);
  });

  it.runIf(process.geteuid?.() === 0)('refuses a run of another user', async () => {
    const root = await makeRun([2]);
    await chown(root, 12_345, 12_345);
    await expectRefusal(
      ['train', 'run.ts', '--resume'],
      /^error runs\/tiny: expected a place of this user's \(uid 0\) to write to, got one of uid 12345\nhint: what is/,
    );
    await mkdir(join(folder, 'empty'));
    await chown(join(folder, 'empty'), 12_345, 12_345);
    await expectRefusal(['train', 'run.ts', '--out', 'empty'], /^error empty: expected a place of this user's/);
    expect(readdirSync(join(folder, 'empty'))).toEqual([]);
  });

  it('refuses a run that another process trains', async () => {
    const root = await makeRun([2]);
    const release = lockRun(root);
    await expectRefusal(
      ['train', 'run.ts', '--resume'],
      new RegExp(
        `^error --resume: expected a run that nobody trains, got runs/tiny, which process ${process.pid} trains on .*\nhint: .* remove runs/tiny/lock$`,
        'm',
      ),
    );
    release();
  });
});

describe('lockstep generate', () => {
  it('refuses what is no model', async () => {
    await expectRefusal(['generate', '.'], /^error generate: expected a run or a model folder, got \.\nhint: /);
  });

  /** A model folder with these bytes as its weights. */
  async function makeModel(weights: Uint8Array | string): Promise<void> {
    await mkdir(join(folder, 'model'));
    await writeFile(join(folder, 'model', 'config.json'), JSON.stringify(model.config()));
    await writeFile(join(folder, 'model', 'model.safetensors'), weights);
    await writeFile(join(folder, 'model', 'tokenizer.json'), JSON.stringify(bytes().toJSON()));
  }
  const model = createModel(gpt({ layers: 1, heads: 1, width: 16, context: 16, vocab: 256 }));

  it('refuses weights that are none', async () => {
    await makeModel('not tensors');
    await expectRefusal(['generate', '.'], /^error model\/model\.safetensors: expected /);
  });

  it('refuses a weight that is no number, at temperature 0, too', async () => {
    const zeros = model.parameters.map(({ name, shape }): [string, TensorToStore] => {
      const size = shape.reduce((product, length) => product * length, 1);
      return [name, { shape, data: new Float32Array(size) }];
    });
    zeros[1]![1].data[17] = NaN;
    await makeModel(encodeSafetensors(zeros));
    await expectRefusal(
      ['generate', '.', '--temperature', '0'],
      /^error model\/model\.safetensors: expected finite numbers in "transformer\.wpe\.weight", got NaN at \[1, 1\]$/m,
    );
  });
});

describe('lockstep worker', () => {
  it('refuses to start without a token, and is refused with a wrong one', async () => {
    const hub = await startHub({ size: 1, token: 'right' });
    await expectRefusal(['worker'], /^error worker: expected the job’s token in LOCKSTEP_TOKEN, got nothing$/m, {
      LOCKSTEP_HUB: hub.url,
    });
    await expectRefusal(['worker'], /^error worker: expected a job in LOCKSTEP_HUB, got nothing\nhint: /m);
    await expectRefusal(['worker'], /^error connect: expected the job's token, got another\nhint: /m, {
      LOCKSTEP_HUB: hub.url,
      LOCKSTEP_TOKEN: 'wrong',
    });
    await hub.close();
  });
});
