// The error of a run that is set up wrongly. It is the one of nn, so that a model and its run report bad settings alike.

export { ConfigError } from '@lockstep/nn';
