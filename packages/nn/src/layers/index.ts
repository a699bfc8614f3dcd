// Layers: functions that hold their parameters. `import { layers } from 'lockstep'`.
export * from './attention.ts';
export * from './convolution.ts';
export * from './embedding.ts';
export * from './feed-forward.ts';
export { type Layer, layer, type Parts, repeat } from './layer.ts';
export { linear, type Linear, type LinearOptions } from './linear.ts';
export * from './norms.ts';
export {
  buffer,
  BufferSlot,
  type Draw,
  type Initial,
  parameter,
  type ParameterOptions,
  ParameterSlot,
} from './parameter.ts';
export * from './transformer-block.ts';
