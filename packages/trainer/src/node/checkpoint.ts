// States of a run on disk: one folder per checkpoint, itself a model folder, with the optimizer's state and a manifest that
// names every file's sha256. What a state holds is the business of whoever trains.
import { createHash } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError, DivergedError, type TensorMap } from '@lockstep/nn';
import { isPlainName, openRegular, openSafetensors, readJson, saveSafetensors } from '@lockstep/nn/node';
import * as z from 'zod';
import { decodeKept, type KeptState } from '../loop/kept-values.ts';
import type { BestValidation } from '../state.ts';
import type { TrainState } from '../state.ts';
import { firstUnsound, firstUnsoundOf, wordsFor } from '../soundness.ts';
import { type ModelCard, writeModel } from './model-folder.ts';
import { discardFolder, replaceFolder } from './replace-folder.ts';

const manifestName = 'state.json';
const optimizerName = 'optimizer.safetensors';
const weightsName = 'model.safetensors';
/** What a script keeps between its steps. */
const keptName = 'state.msgpack';
/** Under which the optimizer's file has the weights that are trained, where the model's are others: no state of an optimizer is called so. */
const trainedKind = 'weight';
/** A checkpoint has five or six files. */
const filesLimit = 64;
const manifestLimit = 2 ** 16;

/** What `state.json` says of a checkpoint. */
export interface Manifest {
  readonly format: 1;
  /** Steps taken. */
  readonly step: number;
  /** Where the run ends for want of a better validation. */
  readonly best?: BestValidation | undefined;
  /** The hash of the run's settings: see `runHash`. */
  readonly run: string;
  /** sha256 of each file, by name. */
  readonly files: Readonly<Record<string, string>>;
}

const manifestSchema = z.strictObject({
  format: z.literal(1),
  step: z.int().min(0),
  best: z.strictObject({ value: z.number(), step: z.int().min(0), since: z.int().min(0) }).optional(),
  run: z.string(),
  files: z
    .record(z.string().refine(isPlainName), z.string().regex(/^[0-9a-f]{64}$/))
    .refine((files) => weightsName in files && optimizerName in files && Object.keys(files).length <= filesLimit),
});

/** A checkpoint that is there; whether it is sound turns out when it is loaded. */
export interface CheckpointPlace {
  readonly step: number;
  readonly path: string;
}

export interface CheckpointOptions {
  /** What a checkpoint must share with the run: see `runHash`. */
  readonly run: string;
  readonly model: ModelCard;
  /** How many of the latest checkpoints stay. */
  readonly keep: number;
  /** What a script keeps beside, as bytes. */
  readonly kept?: Uint8Array | undefined;
}

/**
 * Stores a state under `folder`/step-000100, complete or not at all, then removes all but the latest. Resolves with its path.
 * @throws {DivergedError} for a state that is not finite: nothing is stored, and nothing removed.
 */
export async function saveCheckpoint(
  folder: string,
  state: TrainState,
  { run, model, keep, kept }: CheckpointOptions,
): Promise<string> {
  const path = join(folder, nameOf(state.step));
  const unsound = firstUnsoundOf(state);
  if (unsound) throw new DivergedError(`${path}: expected finite ${unsound.what}, got ${unsound.found}`);
  await replaceFolder(path, async (beside) => {
    await writeModel(beside, model, state.used ?? state.weights);
    const trained: TrainState['optimizer'] = new Map(state.used ? [[trainedKind, state.weights]] : []);
    await saveSafetensors(join(beside, optimizerName), flatten(new Map([...state.optimizer, ...trained])));
    if (kept) await writeFile(join(beside, keptName), kept, { flush: true });
    const files = await hashAll(beside);
    const { step, best } = state;
    const manifest: Manifest = { format: 1, step, ...(best && { best }), run, files };
    await writeFile(join(beside, manifestName), `${JSON.stringify(manifest, null, 2)}\n`, { flush: true });
  });
  const older = (await listCheckpoints(folder)).filter(({ step }) => step < state.step);
  for (const { path: surplus } of older.slice(0, Math.max(0, older.length + 1 - keep))) await discardFolder(surplus);
  return path;
}

/** The checkpoints of a run, oldest first. */
export async function listCheckpoints(folder: string): Promise<CheckpointPlace[]> {
  const names = await readdir(folder).catch(() => []);
  const places = names.flatMap((name) => {
    const step = /^step-(\d{6,15})$/.exec(name)?.[1];
    return step === undefined ? [] : [{ step: Number(step), path: join(folder, name) }];
  });
  return places.toSorted((a, b) => a.step - b.step);
}

/** Whose checkpoints will do. */
export interface OfRun {
  /** The hash of the run that is to go on, or those that continue it; none where any will do. */
  readonly run?: string | readonly string[];
}

/**
 * Reads the state that a checkpoint holds.
 * @throws {CheckpointError} for a file that is missing, changed or damaged, a checkpoint of another run, or a state that is not finite.
 */
export async function loadCheckpoint(path: string, { run }: OfRun = {}): Promise<TrainState> {
  const { step, best } = await verifyCheckpoint(path, run === undefined ? {} : { run });
  const weights: TensorMap = new Map();
  const optimizer: TrainState['optimizer'] = new Map();
  for await (const part of storedParts(path)) {
    requireSound(part, path);
    const { kind, name, tensor } = part;
    if (kind === undefined) weights.set(name, tensor);
    else optimizer.set(kind, (optimizer.get(kind) ?? new Map()).set(name, tensor));
  }
  const trained = optimizer.get(trainedKind);
  optimizer.delete(trainedKind);
  const parts = trained ? { weights: trained, used: weights } : { weights };
  return { step, ...parts, optimizer, ...(best && { best }) };
}

/** What a script has kept with a checkpoint; nothing where it has kept nothing. @throws {CheckpointError} */
export async function readKept(path: string): Promise<KeptState> {
  const { files } = await verifyCheckpoint(path);
  if (!(keptName in files)) return {};
  const file = await openRegular(join(path, keptName));
  try {
    return decodeKept(await file.readFile(), join(path, keptName));
  } finally {
    await file.close();
  }
}

/** As {@link loadCheckpoint}, but keeps one tensor at a time. */
async function checkCheckpoint(path: string, { run }: Required<OfRun>): Promise<void> {
  await verifyCheckpoint(path, { run });
  for await (const part of storedParts(path)) requireSound(part, path);
}

/** As {@link loadCheckpoint}, without reading the state: resolves with the manifest if all files are as they were written. */
export async function verifyCheckpoint(path: string, { run }: OfRun = {}): Promise<Manifest> {
  const manifest = await readManifest(path);
  if (run !== undefined && ![run].flat().includes(manifest.run))
    throw new CheckpointError(`${path}: expected a checkpoint of this run, got one of another`);
  for (const [name, expected] of Object.entries(manifest.files)) {
    const found = await hashOf(join(path, name)).catch(({ code }: NodeJS.ErrnoException) =>
      code === undefined || code === 'ENOENT' ? 'no file' : code,
    );
    if (found !== expected) {
      const got = found.length === expected.length ? `${found.slice(0, 12)}…` : found;
      throw new CheckpointError(`${path}: expected ${name} with sha256 ${expected.slice(0, 12)}…, got ${got}`);
    }
  }
  return manifest;
}

/**
 * The latest checkpoint of a run, if there is one.
 * @throws {CheckpointError} when it is damaged or holds numbers that are not finite; the hint names the latest sound one.
 */
export async function latestCheckpoint(folder: string, { run }: Required<OfRun>): Promise<CheckpointPlace | undefined> {
  const places = (await listCheckpoints(folder)).toReversed();
  const [latest, ...older] = places;
  if (!latest) return undefined;
  try {
    await checkCheckpoint(latest.path, { run });
    return latest;
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    throw new CheckpointError(`${error.message}\nhint: ${await wayOut(latest, older, run)}`);
  }
}

async function wayOut(
  damaged: CheckpointPlace,
  older: readonly CheckpointPlace[],
  run: Required<OfRun>['run'],
): Promise<string> {
  for (const { path } of older) {
    const isSound = await checkCheckpoint(path, { run }).then(
      () => true,
      () => false,
    );
    if (isSound) return `the latest sound one is ${path}; move ${damaged.path} away and --resume begins there`;
  }
  return 'no other checkpoint of the run is sound; train it anew without --resume';
}

const nameOf = (step: number): string => `step-${String(step).padStart(6, '0')}`;

async function readManifest(path: string): Promise<Manifest> {
  const file = join(path, manifestName);
  const what = "a checkpoint's manifest";
  const parsed = manifestSchema.safeParse(await readJson(file, { what, limit: manifestLimit, error: CheckpointError }));
  if (parsed.success) return parsed.data;
  throw new CheckpointError(`${file}: expected ${what}, got something else`);
}

async function hashAll(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).toSorted();
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await hashOf(join(folder, name))])));
}

async function hashOf(path: string): Promise<string> {
  const file = await openRegular(path);
  const hash = createHash('sha256');
  for await (const chunk of file.createReadStream({ highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** `mean/transformer.wte.weight`: parameters' names hold no slash. */
function* flatten(
  optimizer: TrainState['optimizer'],
): Iterable<[string, { shape: readonly number[]; data: Float32Array }]> {
  for (const [kind, tensors] of optimizer) for (const [name, tensor] of tensors) yield [`${kind}/${name}`, tensor];
}

type Tensor = TensorMap extends Map<string, infer Value> ? Value : never;

/** A tensor of a state: a weight, or of the optimizer, whose kinds have names. */
interface StoredPart {
  readonly kind: string | undefined;
  readonly name: string;
  readonly tensor: Tensor;
}

/** What a checkpoint holds, one tensor after the other. @throws {CheckpointError} */
async function* storedParts(path: string): AsyncGenerator<StoredPart> {
  for await (const [name, tensor] of tensorsIn(join(path, weightsName))) yield { kind: undefined, name, tensor };
  for await (const [key, tensor] of tensorsIn(join(path, optimizerName))) {
    const [, kind, name] = /^([^/]+)\/(.+)$/.exec(key) ?? [];
    if (kind === undefined || name === undefined)
      throw new CheckpointError(`${path}: expected optimizer tensors named kind/parameter, got ${key}`);
    yield { kind, name, tensor };
  }
}

async function* tensorsIn(path: string): AsyncGenerator<[string, Tensor]> {
  const file = await openSafetensors(path);
  try {
    for (const { name } of file.entries) yield [name, await file.read(name)];
  } finally {
    await file.close();
  }
}

function requireSound({ kind, name, tensor }: StoredPart, path: string): void {
  const found = firstUnsound(new Map([[name, tensor]]));
  if (found !== undefined) throw new CheckpointError(`${path}: expected finite ${wordsFor(kind)}, got ${found}`);
}
