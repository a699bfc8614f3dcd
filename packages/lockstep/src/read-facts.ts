// What a run's text and model amount to, found before anything is started.
import { countParameters, createModel } from '@lockstep/nn';
import { ConfigError, type Dataset, type Run } from '@lockstep/trainer';
import { prepareText } from '@lockstep/trainer/node';
import { folderOf, type LaunchPlan } from './plan-launch.ts';
import { canPrompt, promptFor } from './prompt-for.ts';
import { say } from './say.ts';
import { shellCommand } from './shell-words.ts';
import type { RunFacts } from './summary.ts';

/** Tokenises the text, for the workers to find it done, and sizes the model. @throws {ConfigError} for data that cannot be had. */
export async function readFacts({ run, file }: LaunchPlan, stream: NodeJS.WriteStream): Promise<RunFacts> {
  const dataset = await prepareText(run.data, { from: folderOf(file), note: (line) => say(stream, line) });
  try {
    return await factsOf(run, dataset);
  } finally {
    dataset.close();
  }
}

async function factsOf(run: Run, dataset: Dataset): Promise<RunFacts> {
  dataset.requireContext(run.model.context);
  const prompt = await samplePrompt(run.sample, dataset);
  const { vocabSize: vocab, trainTokens, validationTokens } = dataset;
  const parameters = countParameters(createModel(run.model, { vocab }));
  return { parameters, vocab, trainTokens, validationTokens, prompt };
}

/**
 * What samples begin with. One that the text has no tokens for would end the run at its first sample; the default one, a line's
 * beginning, gives way where the text is a single line.
 */
async function samplePrompt({ every, prompt }: Run['sample'], { tokenizer, name }: Dataset): Promise<string> {
  if (every === 0 || prompt === '\n' || (await canPrompt(tokenizer, prompt)))
    return promptFor(tokenizer, [prompt, '\n']);
  const other = shellCommand(['--set', `sample.prompt=${await promptFor(tokenizer)}`]);
  throw new ConfigError(
    `train: expected a sample.prompt in the characters of ${name}, got ${JSON.stringify(prompt)}\nhint: ${other}, or --set sample.every=0 for no samples`,
  );
}
