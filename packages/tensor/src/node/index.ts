// The door for Node: opens devices through Dawn.
export * from './open-device.ts';
