// Several models as one: their parameters lie side by side under the models' names, and a loss gets the functions of all.
import {
  ConfigError,
  defined,
  defineModel,
  definitionOf,
  type Facts,
  groups,
  isDefined,
  type ModelDefinition,
  type ModelParts,
  type ModelValue,
  type OptimizerValue,
  settingsOf,
} from '@lockstep/nn';

export type NamedModels = Readonly<Record<string, ModelValue>>;

/** One model, or several by name. */
export type GivenModels = ModelValue | NamedModels;

/** One optimizer for all, or one for each of several models. */
export type GivenOptimizers = OptimizerValue | Readonly<Record<string, OptimizerValue>>;

/** The models by name; nothing where one was given by itself. @throws {ConfigError} for what is no model. */
export function namedModels(given: GivenModels): NamedModels | undefined {
  if (isDefined(given, 'model')) return undefined;
  const entries = Object.entries(given);
  const wrong = entries.find(([, one]) => !isDefined(one, 'model'));
  if (entries.length === 0 || wrong)
    throw new ConfigError(
      `createTrainer: ${wrong ? `model.${wrong[0]}` : 'model'}: expected a model, such as gpt({ … }), got ${wrong ? typeof wrong[1] : 'nothing'}`,
    );
  const unfit = entries.find(([name]) => !/^[a-z]\w*$/i.test(name) || name === 'parameters');
  if (unfit) throw new ConfigError(`createTrainer: model: expected names such as critic, got ${unfit[0]}`);
  return given as NamedModels;
}

/** The model that a trainer trains. */
export function modelOf(given: GivenModels): ModelValue {
  const named = namedModels(given);
  if (!named) return given as ModelValue;
  const together = defineModel({
    name: Object.keys(named).join('+'),
    create: (_settings: object, facts) => partsOf(named, facts),
  });
  return together(Object.fromEntries(Object.entries(named).map(([name, value]) => [name, { ...value }])));
}

function partsOf(named: NamedModels, facts: Facts): ModelParts {
  const made = Object.entries(named).map(([name, value]) => {
    const { parameters, ...functions } = definitionOf<ModelDefinition>(value).create(settingsOf(value), facts);
    return { name, parameters, functions };
  });
  const parameters = Object.fromEntries(made.map((one) => [one.name, one.parameters]));
  return { ...Object.fromEntries(made.map((one) => [one.name, one.functions])), parameters };
}

/** The optimizer of a trainer: those of several models are groups of it. @throws {ConfigError} where one is missing. */
export function optimizerOf(given: GivenOptimizers, models: GivenModels): OptimizerValue {
  if (isDefined(given, 'optimizer')) return given;
  const names = Object.keys(namedModels(models) ?? {});
  const own = given as Readonly<Record<string, OptimizerValue>>;
  const missing = names.find((name) => !isDefined(own[name], 'optimizer'));
  const unknown = Object.keys(own).find((name) => !names.includes(name));
  if (names.length === 0 || missing !== undefined || unknown !== undefined)
    throw new ConfigError(
      `createTrainer: optimizer: expected one optimizer, or one for each of ${names.join(', ') || 'several models'}, got ${missing === undefined ? `one for ${unknown}` : `none for ${missing}`}`,
    );
  return groups(Object.fromEntries(names.map((name) => [name, withMatches(own[name]!, name)])));
}

function withMatches(value: OptimizerValue, model: string): OptimizerValue {
  const { matches } = value as { readonly matches?: string };
  const pattern = `^${model}\\.${matches === undefined ? '' : `.*(?:${matches})`}`;
  return defined(definitionOf(value), { ...settingsOf(value), matches: pattern }) as OptimizerValue;
}
