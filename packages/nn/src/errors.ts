// The ways in which nn and what stands on it fail: a setting that cannot work, stored state that cannot be trusted, and numbers
// that have become none.

/** A setting or an input that cannot work. `who: rule, got value`, and on a second line a hint where the cause is known. */
export class ConfigError extends Error {
  readonly code = 'CONFIG';
  override readonly name = 'ConfigError';
}

/** Stored weights or state that are missing, damaged, or not in the format they claim. `who: rule, got value`. */
export class CheckpointError extends Error {
  readonly code = 'CHECKPOINT';
  override readonly name = 'CheckpointError';
}

/** A number that has become NaN or infinite where only finite ones make sense. `who: rule, got value`, and a hint. */
export class DivergedError extends Error {
  readonly code = 'DIVERGED';
  override readonly name = 'DivergedError';
}
