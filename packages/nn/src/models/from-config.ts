// From a config.json of Hugging Face's to the settings of a model that comes with Lockstep.
import * as z from 'zod';
import { parseConfig } from '../parse-config.ts';
import { defined } from '../settings/definition.ts';
import * as architectures from './architectures.ts';
import type { ModelDefinition, ModelValue } from './define-model.ts';

const definitions = Object.values(architectures).map(({ definition }) => definition as unknown as ModelDefinition);
const known = definitions.flatMap(({ huggingFace }) => (huggingFace ? [huggingFace.modelType] : []));
const typeSchema = z.object({ model_type: z.literal(known, `expected ${known.join(' or ')}`) }, 'expected an object');

/** The model of a config.json. @throws {ConfigError} for an architecture or a setting that Lockstep lacks. */
export function modelFromConfig(config: unknown): ModelValue {
  const { model_type: type } = parseConfig(typeSchema, config);
  const definition = definitions.find(({ huggingFace }) => huggingFace?.modelType === type)!;
  return defined(definition, definition.huggingFace!.fromConfig(config), { who: 'config.json' });
}
