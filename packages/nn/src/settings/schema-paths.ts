// Finds its way in the run's schema by the path of a setting, such as model.layers.
import * as z from 'zod';

export type Shape = Readonly<Record<PropertyKey, z.ZodType>>;

/** The schema itself, without what fills in a missing value. */
export function unwrap(schema: z.ZodType): z.ZodType {
  return 'innerType' in schema.def ? unwrap(schema.def.innerType as z.ZodType) : schema;
}

/** What a setting may be: itself, or each variant of a union. */
export function variantsOf(schema: z.ZodType): z.ZodType[] {
  const here = unwrap(schema);
  return here instanceof z.ZodUnion ? (here.options as z.ZodType[]).flatMap(variantsOf) : [here];
}

/** The schema of the setting at `path`, from the first variant on the way that has it. Nothing for an unknown setting. */
export function settingAt(schema: z.ZodType, [name, ...rest]: readonly string[]): z.ZodType | undefined {
  if (name === undefined) return schema;
  for (const variant of variantsOf(schema)) {
    if (!(variant instanceof z.ZodObject) || !Object.hasOwn(variant.shape, name)) continue;
    const found = settingAt((variant.shape as Shape)[name]!, rest);
    if (found) return found;
  }
  return undefined;
}
