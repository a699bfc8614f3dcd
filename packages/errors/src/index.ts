// The ways in which Lockstep fails. A message is `who: rule, got value`, and on a second line `hint: …` where the cause is known; `code` is
// stable. A lost peer and a wait that was too long are results that a job handles; the others are bad input, or bugs.

/** Shapes that do not fit an op. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
  readonly code = 'SHAPE';
}

/** A WebGPU adapter that is missing, lost, out of memory, or that refused a command. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
  readonly code = 'DEVICE';
}

/** A setting or an input that cannot work, or what cannot be had: a wrong token, a port in use, more workers than shards. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'CONFIG';
}

/** Stored weights or state that are missing, damaged, or not in the format they claim. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
  readonly code = 'CHECKPOINT';
}

/** A number that has become NaN or infinite where only finite ones make sense. */
export class DivergedError extends Error {
  override readonly name = 'DivergedError';
  readonly code = 'DIVERGED';
}

/** A peer is gone, or the hub that carries the bytes to all of them. */
export class PeerLostError extends Error {
  override readonly name = 'PeerLostError';
  readonly code = 'PEER_LOST';
  /** The rank that was lost in the current view. */
  readonly peer: number | 'hub';

  constructor(peer: number | 'hub', message = `transport: rank ${peer} is gone`) {
    super(message);
    this.peer = peer;
  }
}

/** A wait passed its deadline. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
  readonly code = 'TIMEOUT';
}

/** The ranks of a group did not make the same collective call: a bug in the script that calls them. */
export class MismatchError extends Error {
  override readonly name = 'MismatchError';
  readonly code = 'MISMATCH';
  /** Two ranks whose calls differ. */
  readonly ranks: readonly [number, number];

  constructor(message: string, ranks: readonly [number, number]) {
    super(message);
    this.ranks = ranks;
  }
}

/** A call of a group that can mean nothing: data of the wrong type or length, a rank or a tag that is none. */
export class ArgumentError extends RangeError {
  override readonly name = 'ArgumentError';
  readonly code = 'ARGUMENT';
}
