// What a run's data and model amount to, found before anything is started.
import { countParameters, createModel, type Facts } from '@lockstep/nn';
import {
  ConfigError,
  type Dataset,
  type Mathematics,
  mathematicsOf,
  type MathematicsPart,
  openDataset,
  otherPart,
  overrideRun,
  requireValidation,
  type Run,
  sampleRows,
  scheduleSha256,
  type StartingWeights,
} from '@lockstep/trainer';
import { type FoundWeights, nodePlace, readStartingWeights, type RunRecord, whatChanged } from '@lockstep/trainer/node';
import { dirname, resolve } from 'node:path';
import type { RunModule } from '../bundle/run-module.ts';
import { forceHint, type LaunchPlan, shown } from './plan-launch.ts';
import { canPrompt, promptFor } from './prompt-for.ts';
import { say } from '../console/say.ts';
import { shellCommand } from '../console/shell-words.ts';
import type { RunFacts } from '../console/summary.ts';
import { plural } from '../console/wording.ts';

/** Prepares the data, for the workers to find it done, and sizes the model. @throws {ConfigError} for data that cannot be had. */
export async function readFacts(
  plan: Pick<LaunchPlan, 'run' | 'module' | 'resumed' | 'force'>,
  stream: NodeJS.WriteStream,
): Promise<RunFacts> {
  const { run, module, resumed, force = false } = plan;
  const note = (line: string): void => say(stream, line);
  const known = resumed?.record.data;
  const dataset = await openDataset(
    run.data,
    nodePlace({ from: dirname(module.file), note, sha256: known, code: module.sha256 }),
  );
  try {
    if (!force) requireSameData('--resume', dataset, known);
    const { rows, mathematics } = await readMathematics(run, dataset);
    const compared = await compareMathematics(plan, mathematics);
    const weights = resumed?.checkpoint ? undefined : await findStartingWeights(run, { module, dataset, note });
    return { ...(await factsOf(run, dataset)), rows, mathematics, weights, compared };
  } finally {
    dataset.close();
  }
}

async function readMathematics(run: Run, dataset: Dataset): Promise<Pick<RunFacts, 'rows' | 'mathematics'>> {
  const rows = await sampleRows(run, dataset);
  return { rows, mathematics: await mathematicsOf({ run, dataset, rows }) };
}

/** What there is to say of it. @throws {ConfigError} where a run would go on as another, unless that is asked for. */
async function compareMathematics(
  { run, resumed, force }: Pick<LaunchPlan, 'run' | 'resumed' | 'force'>,
  mathematics: Mathematics,
): Promise<string | undefined> {
  if (!resumed) return undefined;
  const { root, record } = resumed;
  if (!record.mathematics)
    return 'note: this run was recorded without what it computes, so only its settings have been compared';
  const part = await partThatDiffers(run, record, mathematics);
  if (part === undefined) return undefined;
  if (force) return `note: the ${part} is another than when the run began, and it goes on: --force`;
  const change = whatChanged(record.run, run);
  throw new ConfigError(
    `--resume: expected the ${part} that ${shown(root)} was begun with, got another${change ? `: ${change}` : ''}\nhint: ${forceHint}`,
  );
}

/** Which part of what a recorded run computes is another now; of the schedule, only the steps that were planned then count. */
async function partThatDiffers(
  run: Run,
  record: RunRecord,
  mathematics: Mathematics,
): Promise<MathematicsPart | undefined> {
  if (!record.mathematics) return undefined;
  const planned = (record.run as { readonly steps?: unknown }).steps;
  const steps = typeof planned === 'number' && Number.isSafeInteger(planned) ? planned : run.steps;
  return otherPart(record.mathematics, { ...mathematics, schedule: await scheduleSha256(run, steps) });
}

/** @throws {ConfigError} where a run computes something else than it did when it was recorded, if what it computed was. */
export async function requireSameMathematics(
  who: string,
  run: Run,
  { dataset, record, folder }: { readonly dataset: Dataset; readonly record: RunRecord; readonly folder: string },
): Promise<void> {
  if (!record.mathematics) return;
  const part = await partThatDiffers(run, record, (await readMathematics(run, dataset)).mathematics);
  if (part === undefined) return;
  throw new ConfigError(
    `${who}: expected the ${part} that ${folder} was trained with, got another\nhint: --run names the file as it was then`,
  );
}

/** The plan with another prompt for its samples, where the run's own is the default one and its text has no line ends. */
export function withPrompt(plan: LaunchPlan, prompt: string | undefined): LaunchPlan {
  if (prompt === undefined || plan.run.sample.every === 0 || plan.run.sample.prompt === prompt) return plan;
  const chosen = `sample.prompt=${JSON.stringify(prompt)}`;
  return { ...plan, run: overrideRun(plan.run, [chosen]), chosen: [chosen] };
}

/** @throws {ConfigError} where a run would go on with other data than it was begun with. */
export function requireSameData(who: string, { name, sha256 }: Dataset, known: string | undefined): void {
  if (known === undefined || known === sha256) return;
  throw new ConfigError(
    `${who}: expected the data that the run was begun with, of sha256 ${known.slice(0, 12)}…, got ${sha256.slice(0, 12)}… from ${name}\nhint: what was prepared then is no longer kept here, and preparing it again gave other data; without --resume it is a new run`,
  );
}

/** Reads the weights to begin with, so that workers know them again, and says what was not found. @throws {ConfigError} */
async function findStartingWeights(
  run: Run,
  { module, dataset, note }: { module: RunModule; dataset: Dataset; note: (line: string) => void },
): Promise<RunFacts['weights']> {
  const found = await startingWeightsOf(run, { from: dirname(module.file), facts: dataset.facts });
  if (!found) return undefined;
  const { place, weights, sha256, missing } = found;
  const drawn = missing.length === 0 ? '' : `; drawn from the seed: ${missing.slice(0, 6).join(', ')}`;
  const more = missing.length > 6 ? ` and ${missing.length - 6} more` : '';
  note(`from     ${shown(place.folder)} · ${plural(weights.size, 'parameter')}${drawn}${more}`);
  return { ...place, sha256 };
}

/** The weights that a run begins with, where it says so. @param from the folder that paths count from. @throws {ConfigError} */
export async function startingWeightsOf(
  { from: begin, model }: Run,
  { from, facts }: { from: string; facts: Facts },
): Promise<(FoundWeights & { readonly place: StartingWeights }) | undefined> {
  if (begin === undefined) return undefined;
  const { folder, ...rest } = typeof begin === 'string' ? { folder: begin } : begin;
  const place = { folder: resolve(from, folder), ...rest };
  return { place, ...(await readStartingWeights(createModel(model, facts).parameters, place)) };
}

async function factsOf(
  run: Run,
  dataset: Dataset,
): Promise<Omit<RunFacts, 'rows' | 'mathematics' | 'weights' | 'compared'>> {
  const batches = dataset.batches(run.model);
  requireValidation(run, batches);
  const { unit } = batches;
  const prompt = await samplePrompt(run.sample, dataset);
  const parameters = countParameters(createModel(run.model, dataset.facts));
  const { facts, sizes, sha256, path } = dataset;
  return { parameters, vocab: facts.vocab, sizes, unit, prompt, data: { sha256, path: path! } };
}

/**
 * What samples begin with. One that the text has no tokens for would end the run at its first sample; the default one, a line's
 * beginning, gives way where the text is a single line.
 */
async function samplePrompt(
  { every, prompt }: Run['sample'],
  { tokenizer, name }: Dataset,
): Promise<string | undefined> {
  if (!tokenizer) return undefined;
  if (every === 0 || prompt === '\n' || (await canPrompt(tokenizer, prompt)))
    return promptFor(tokenizer, [prompt, '\n']);
  const other = shellCommand(['--set', `sample.prompt=${await promptFor(tokenizer)}`]);
  throw new ConfigError(
    `train: expected a sample.prompt in the characters of ${name}, got ${JSON.stringify(prompt)}\nhint: ${other}, or --set sample.every=0 for no samples`,
  );
}
