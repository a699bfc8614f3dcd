// The errors of a run: those of nn, so that a model and its run report alike.

export { ConfigError, DivergedError } from '@lockstep/nn';
