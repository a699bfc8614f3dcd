// The two ways in which nn and what stands on it fail by bad input: a setting that cannot work, and stored state that cannot be trusted.

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
