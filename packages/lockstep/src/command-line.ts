// Commands, options and their help. What a command does is in `commands/`, and is loaded only when it is asked for.
import { algorithmNames, wires } from '@lockstep/collectives';
import { readNumber } from '@lockstep/nn';
import type { Share } from '@lockstep/trainer/node';
import { Command, InvalidArgumentError, Option } from 'commander';
import pc from 'picocolors';
import { parseByteSize } from './console/byte-size.ts';
import { bridgeWishes } from './job/choose-bridge.ts';
import { targets } from './pack/target.ts';
import { sayable } from './console/say.ts';
import { version } from './job/versions.ts';

export function createCommandLine(): Command {
  const program = new Command('lockstep')
    .description('Trains small transformers from TypeScript, on every GPU there is.')
    .version(version, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'explain a command')
    .helpCommand('help [command]', 'explain a command')
    .configureHelp({ showGlobalOptions: false, styleTitle: pc.bold })
    .configureOutput({
      writeOut: (text) => void process.stdout.write(sayable(text)),
      writeErr: (text) => void process.stderr.write(sayable(text)),
      outputError: (text, write) => write(text.replace(/^error:/, pc.red('error'))),
    })
    .exitOverride()
    .addHelpText('after', examples);
  addTrain(program);
  addPlan(program);
  addGenerate(program);
  addReplay(program);
  addRun(program);
  addBench(program);
  addDoctor(program);
  addPack(program);
  addWorker(program);
  return program;
}

const examples = `
Examples:
  lockstep train examples/modern.ts --workers 2
  lockstep train examples/modern.ts --set model.layers=4 --set schedule.peak=0.5
  lockstep generate runs/moby-dick --prompt "Call me Ishmael"
  lockstep replay runs/moby-dick --step 317 --shard 5
  lockstep run examples/ring-all-reduce.ts --workers 4
  lockstep bench collectives --workers 4
  lockstep doctor`;

function addTrain(program: Command): void {
  program
    .command('train')
    .description('train the run that a TypeScript file exports')
    .argument('<run>', 'file whose default export is defineRun({ … })')
    .addOption(
      whole('-w, --workers <n>', 'processes that share the work; the result does not depend on it', {
        ...workers,
        otherwise: 'one per GPU, else 1',
      }),
    )
    .addOption(whole('-n, --steps <n>', 'steps to train, instead of the run’s own number', { from: 1, to: largest }))
    .option('-r, --resume', 'go on with the latest run of this name, or with the one in --out')
    .option('--force', 'with --resume, go on even where the run computes something else than it did')
    .option('-o, --out <folder>', 'where to write; runs/<name> unless given')
    .option('-s, --set <path=value>', 'change a setting, such as model.layers=6 (again for more)', collect)
    .addOption(
      whole('-p, --port <n>', 'port for the workers to meet at, on 127.0.0.1', {
        from: 0,
        to: 65_535,
        otherwise: 'chosen by the system',
      }),
    )
    .addOption(bridge())
    .option('--tls', 'encrypt what workers exchange, with a certificate made for the job')
    .option('--tls-cert <file>', 'the same, with this certificate (PEM); needs --tls-key')
    .option('--tls-key <file>', 'its private key (PEM)')
    .addOption(
      whole('--bucket-bytes <n>', 'bytes of gradients to reduce at a time; no bit depends on it', {
        from: 1,
        to: largest,
        otherwise: 'by size of the model',
      }),
    )
    .addOption(
      new Option('--share <who>', 'who else may read the run (nobody unless given)').choices([
        'nobody',
        'group',
      ] satisfies Share[]),
    )
    .addOption(memory())
    .option('--dump-kernels <folder>', 'write the kernels that are generated for the run, to read them')
    .option('--trace <file>', 'write where the time goes, for Perfetto or chrome://tracing')
    .option('--json', 'print one line of JSON at the end, and everything else to stderr')
    .action(async (file: string, options) => (await import('./commands/train.ts')).trainCommand(file, options));
}

function addPlan(program: Command): void {
  program
    .command('plan')
    .description('say how much memory a run takes, and in how many passes, before any is taken')
    .argument('<run>', 'file whose default export is defineRun({ … })')
    .addOption(whole('-w, --workers <n>', 'processes that share the work', workers).default(1))
    .addOption(memory())
    .option('-s, --set <path=value>', 'change a setting, such as model.layers=6 (again for more)', collect)
    .addOption(whole('--bucket-bytes <n>', 'bytes of gradients to reduce at a time', { from: 1, to: largest }))
    .option('--json', 'as JSON')
    .action(async (file: string, options) => (await import('./commands/plan.ts')).planCommand(file, options));
}

function addGenerate(program: Command): void {
  program
    .command('generate')
    .description('write text with a trained model')
    .argument('<folder>', 'a run, one of its checkpoints, or a model in Hugging Face’s layout')
    .option('-p, --prompt <text>', 'what the text begins with (the beginning of a line unless given)')
    .addOption(whole('-n, --tokens <n>', 'tokens to generate', { from: 1, to: largest }).default(200))
    .addOption(real('-t, --temperature <x>', 'how far to stray from the likeliest token; 0 not at all').default(0.8))
    .addOption(
      whole('-k, --top-k <n>', 'choose among the n likeliest tokens', { from: 1, to: largest, otherwise: 'all' }),
    )
    .addOption(whole('--seed <n>', 'equal seeds give equal texts', { from: 0, to: 2 ** 32 - 1 }).default(0))
    .action(async (folder: string, options) =>
      (await import('./commands/generate.ts')).generateCommand(folder, options),
    );
}

function addReplay(program: Command): void {
  program
    .command('replay')
    .description('compute a gradient of a past step again, from the checkpoint before it, and write its tensors')
    .argument('<folder>', 'a run’s')
    .addOption(whole('-n, --step <n>', 'which step', { from: 1, to: largest }).makeOptionMandatory())
    .addOption(whole('--shard <n>', 'whose gradient', { from: 0, to: 65_535, otherwise: 'of the whole batch' }))
    .option('--run <file>', 'the run file, where the code that it was trained with is not kept here')
    .option(
      '-s, --set <path=value>',
      'a setting that the record cannot give, such as data.source=… (again for more)',
      collect,
    )
    .option('-o, --out <file>', 'where to write; <name>-step-<n>.safetensors here unless given')
    .addOption(memory())
    .action(async (folder: string, options) => (await import('./commands/replay.ts')).replayCommand(folder, options));
}

function addRun(program: Command): void {
  program
    .command('run')
    .description('run a script in several workers; `join()` of lockstep makes them a group')
    .argument('<script>', 'TypeScript or JavaScript')
    .argument('[args...]', 'after --: for the script')
    .addOption(whole('-w, --workers <n>', 'processes that run it', workers).default(1))
    .addOption(bridge())
    .option('-o, --out <folder>', 'where a trainer of the script writes (runs/ and the script’s name)')
    .option('-r, --resume', 'go on from the latest checkpoint of the script’s trainer')
    .option('--force', 'go on even where the script computes something else than it did')
    .action(async (script: string, args: string[], options) =>
      (await import('./commands/run.ts')).runCommand(script, args, options),
    );
}

function addBench(program: Command): void {
  const bench = program.command('bench').description('measure this machine');
  addKernelBenches(bench);
  addBenchFiles(bench);
  bench
    .command('collectives')
    .description('check an all-reduce, then time it, in the columns of nccl-tests')
    .addOption(whole('-w, --workers <n>', 'processes that reduce together', workers).default(2))
    .addOption(bridge())
    .addOption(sizes('--sizes <list>', 'bytes of f32, such as 1KiB,64KiB').default(benchSizes, '1KiB to 64MiB'))
    .addOption(new Option('--algorithm <name>', 'instead of the fastest').choices(algorithmNames))
    .addOption(new Option('--wire <name>', 'how f32 travels').choices(wires).default('f32'))
    .option('--json', 'print one line of JSON at the end, and everything else to stderr', false)
    .action(async (options) => (await import('./commands/bench-collectives.ts')).benchCollectivesCommand(options));
}

function addKernelBenches(bench: Command): void {
  bench
    .command('kernels')
    .description('prove the kernels of this adapter right, then time them beside what it can do at best')
    .option('--op <names>', 'these only, such as matmul,softmax', list)
    .option('--family <names>', 'these only: portable, tiled, subgroup, generated', list)
    .addOption(
      new Option('--dtype <name>', 'f32 or f16 only, instead of both where there are both').choices(['f32', 'f16']),
    )
    .option('--shapes <list>', 'sizes for one op, such as 1024x1024x1024,4096x4096x4096', list)
    .option('--run <file>', 'the sizes of this run’s own training step')
    .addOption(whole('--rounds <n>', 'how often each is measured', { from: 1, to: 1000 }).default(7))
    .addOption(real('--deadline <seconds>', 'after which a kernel that has not ended is killed').default(300))
    .option('--json <file>', 'write a file for `bench compare` and `bench report`')
    .option(
      '--browser',
      'measure in a browser, by a page that is served here; with --json it ends with the page’s file',
    )
    .option('--out <folder>', 'with --browser: write the page there instead, as files that any web server can hold')
    .action(async (options) => (await import('./commands/bench-kernels.ts')).benchKernelsCommand(options));
  bench
    .command('kernel')
    .description('prove a kernel of your own right, then time it, at every size and setting')
    .argument('<kernel>', 'file of WGSL')
    .requiredOption('--reference <file>', 'module whose default export is its definition: ({ x }) => ({ y })')
    .requiredOption('--shapes <list>', 'sizes, such as 1024x1024,4096x4096', list)
    .option('--tune <name=values>', 'values of an override to try, such as TILE=16,32 (again for more)', collect)
    .addOption(whole('--rounds <n>', 'how often each is measured', { from: 1, to: 1000 }).default(7))
    .addOption(real('--tolerance <x>', 'error up to which it is right, relative to the largest value').default(1e-4))
    .addOption(real('--deadline <seconds>', 'after which its process is killed').default(60))
    .option('--all', 'print all settings, not the best of each size')
    .option('--json <file>', 'write a file for `bench compare` and `bench report`')
    .action(async (kernel: string, options) =>
      (await import('./commands/bench-kernel.ts')).benchKernelCommand(kernel, options),
    );
  bench
    .command('step')
    .description('take a training step apart: host, kernels, what comes back')
    .argument('[run]', 'file whose default export is defineRun({ … })')
    .option('--size <names>', 'steps of GPT-2s instead: S, M, distilgpt2, gpt2', list)
    .addOption(whole('-n, --steps <n>', 'steps to measure', { from: 1, to: 10_000 }).default(10))
    .option('--json <file>', 'write a file for `bench report`')
    .action(async (run: string | undefined, options) =>
      (await import('./commands/bench-step.ts')).benchStepCommand(run, options),
    );
}

function addBenchFiles(bench: Command): void {
  bench
    .command('compare')
    .description('say which kernels are faster in the second of two files, and what is noise')
    .argument('<before>', 'file of `bench kernels --json`')
    .argument('<after>', 'another')
    .option('--json', 'print JSON')
    .action(async (before: string, after: string, options) =>
      (await import('./commands/bench-compare.ts')).benchCompareCommand(before, after, options),
    );
  bench
    .command('report')
    .description('make one page of files of several adapters')
    .argument('<files...>', 'files of `bench kernels --json` and `bench step --json`')
    .option('-o, --out <file>', 'the page', 'report.html')
    .option('--t4 <file>', 'write the results in T4, the form of auto-tuners, too')
    .action(async (files: string[], options) =>
      (await import('./commands/bench-report.ts')).benchReportCommand(files, options),
    );
}

/** 1 KiB to 64 MiB. */
const benchSizes = Array.from({ length: 9 }, (_, i) => 1024 * 4 ** i);

function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('say what this machine offers, and what is missing')
    .option('--json', 'as JSON')
    .action(async (options) => (await import('./commands/doctor.ts')).doctorCommand(options));
}

function addPack(program: Command): void {
  program
    .command('pack')
    .description('make one archive that trains on a machine with no network and nothing but a driver')
    .argument('[run]', 'run file to take along')
    .addOption(new Option('--for <target>', 'what the kit is to run on').choices(targets).makeOptionMandatory())
    .option('--bench', 'take the benchmarks along')
    .option('--with-data', 'take the run’s data along')
    .requiredOption('-o, --out <file>', 'the archive to write, ending with .tar.xz')
    .action(async (run: string | undefined, options) => (await import('./commands/pack.ts')).packCommand(run, options));
}

function addWorker(program: Command): void {
  program
    .command('worker')
    .description('take part in a job as a worker; `train` and `run` start these themselves')
    .addHelpText(
      'after',
      '\nTaken from the environment: LOCKSTEP_HUB, where the job’s workers meet; LOCKSTEP_TOKEN, its token; LOCKSTEP_NAME, unique\nwithin the job, for ranks follow the order of names; LOCKSTEP_JOB, its public id, and LOCKSTEP_FINGERPRINT, the SHA-256 of the\nhub’s certificate, where they are known. What is executed comes from the job.',
    )
    .action(async () => void (await import('./job/worker.ts')));
}

/** Each worker has a shard at least, and a run has no more. */
const workers = { from: 1, to: 2 ** 16 };
/** The most of what has no other bound. */
const largest = 2 ** 31 - 1;

const bridge = (): Option =>
  new Option('-b, --bridge <name>', 'how workers talk to each other').choices(bridgeWishes).default('auto');

const list = (text: string): string[] => text.split(',').map((part) => part.trim());

const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];

/** An option that is a whole number, read as `--set` reads one. */
function whole(flags: string, description: string, { from, to, otherwise }: WholeOptions): Option {
  const parse = (text: string): number => {
    const value = readNumber(text);
    if (Number.isInteger(value) && value! >= from && value! <= to) return value!;
    throw new InvalidArgumentError(`Expected a whole number from ${from} to ${to}.`);
  };
  return new Option(flags, otherwise ? `${description} (${otherwise} unless given)` : description).argParser(parse);
}

interface WholeOptions {
  readonly from: number;
  readonly to: number;
  /** What holds where the option is not given. */
  readonly otherwise?: string;
}

/** How much of its adapter's memory a worker may use. */
function memory(): Option {
  const parse = (text: string): number => {
    const bytes = parseByteSize(text);
    if (bytes !== undefined && bytes > 0) return bytes;
    throw new InvalidArgumentError('Expected an amount such as 8GiB or 500MiB.');
  };
  const description = 'of its adapter that each worker may use, such as 8GiB (what the system tells unless given)';
  return new Option('-m, --memory <amount>', description).argParser(parse);
}

function sizes(flags: string, description: string): Option {
  const parse = (text: string): number[] =>
    text.split(',').map((part) => {
      const bytes = parseByteSize(part);
      if (bytes !== undefined && bytes > 0 && bytes % 4 === 0) return bytes;
      throw new InvalidArgumentError(`Expected sizes such as 1KiB,4MiB, each a multiple of 4 bytes.`);
    });
  return new Option(flags, description).argParser(parse);
}

function real(flags: string, description: string): Option {
  const parse = (text: string): number => {
    const value = readNumber(text);
    if (value !== undefined && value >= 0 && value < Infinity) return value;
    throw new InvalidArgumentError('Expected a number, 0 or more.');
  };
  return new Option(flags, description).argParser(parse);
}
