// What metrics may be called: they are logged beside a step's own figures.
import { ConfigError } from '@lockstep/errors';

/** What stands in a line of the log beside the metrics. */
export const loggedFigures: ReadonlySet<string> = new Set([
  'step',
  'loss',
  'lr',
  'gradNorm',
  'isEmpty',
  'tokens',
  'tokensPerSecond',
  'stepMs',
  'computeMs',
  'waitMs',
  'updateMs',
  'validationLoss',
  'norms',
]);

/** Begins the name under which a metric of a validation is logged. */
export const validationPrefix = 'validation.';

/** Names stand in terminals and in charts: up to 100 characters, none of them control, format or unassigned ones. */
export const isMetricName = (name: string): boolean => /^\P{C}{1,100}$/u.test(name);

/** @throws {ConfigError} for a name that the log uses itself, or that cannot be shown. */
export function requireMetricNames(names: readonly string[]): void {
  const unshowable = names.find((name) => !isMetricName(name));
  if (unshowable !== undefined)
    throw new ConfigError(
      `metrics: expected names of 1 to 100 printable characters, got ${JSON.stringify(unshowable.slice(0, 100))}\nhint: rename it where the loss returns it`,
    );
  const taken = names.find((name) => loggedFigures.has(name) || name.startsWith(validationPrefix));
  if (taken === undefined) return;
  throw new ConfigError(
    `metrics: expected names that no figure of the log has, got ${taken}\nhint: the log has ${[...loggedFigures].join(', ')} and ${validationPrefix}… itself`,
  );
}
