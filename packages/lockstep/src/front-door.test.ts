// What scripts may import: a name that goes or comes is seen here.
import * as node from 'lockstep';
import { expect, test } from 'vitest';
import * as page from './page.ts';

/** Files and processes, which a page has none of. */
const inNodeOnly = [
  'benchKernel',
  'compareRuns',
  'fromPretrained',
  'join',
  'loadRun',
  'loadSafetensors',
  'loadTokenizer',
  'nodePlace',
  'saveModel',
  'saveSafetensors',
  'train',
];

const names = `
  ArgumentError CheckpointError ConfigError DeviceError DivergedError MismatchError PeerLostError ProtocolError ShapeError TimeoutError
  UnknownTextError

  Device Parameter Program Random Tensor checkOp defineElementwise defineOp difference differentiate kernel noise openDevice ops treeSum
  withGradients

  Model Parameters countParameters createGenerator createModel defineLoss defineModel frozen gpt layers llama nextToken
  bpe bytes characters decodeStream huggingface tokenizerFromJSON decodeSafetensors encodeSafetensors

  Optimizer adafactor adamW chain clipByGlobalNorm decayWeights defineOptimizer ema groups lion muon scheduleFree sgd

  Replica Trainer constant cosine createTrainer defineDataset defineRun defineSchedule learningRate memoryPlace openDataset overrideRun planMemory prepareText
  stampRun text textFromString weightsSha256 wsd z

  createGroup memoryBridge
`;

const inBoth = names.trim().split(/\s+/);

test('Node has all names', () => {
  expect(Object.keys(node).toSorted()).toEqual([...inBoth, ...inNodeOnly].toSorted());
});

test('a page has those that need neither files nor processes', () => {
  expect(Object.keys(page).toSorted()).toEqual(inBoth.toSorted());
});

test('an error has one class, whichever package throws it', async () => {
  const { ConfigError } = node;
  const collectives = await import('@lockstep/collectives');
  expect([collectives.ConfigError, (await import('@lockstep/nn')).ConfigError]).toEqual([ConfigError, ConfigError]);
});
