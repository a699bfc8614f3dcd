// What the package `mnist` gives; it comes without types.
declare module 'mnist' {
  interface Digit {
    readonly input: readonly number[];
    readonly output: readonly number[];
  }
  const mnist: { set(training: number, test: number): { training: Digit[]; test: Digit[] } };
  export default mnist;
}
