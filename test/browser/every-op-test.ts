// Stands for the tests of all ops, which bundle-ops.ts imports here.
export {};
