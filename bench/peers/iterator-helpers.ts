/** The few Iterator helpers (ECMAScript 2025) that jax-js calls on what `matchAll` returns; Node has them from 22 on. */

function* map<T, U>(this: Iterable<T>, f: (value: T, index: number) => U): Generator<U> {
  let index = 0;
  for (const value of this) yield f(value, index++);
}

function* filter<T>(this: Iterable<T>, keep: (value: T, index: number) => boolean): Generator<T> {
  let index = 0;
  for (const value of this) if (keep(value, index++)) yield value;
}

function toArray<T>(this: Iterable<T>): T[] {
  return [...this];
}

/** Adds to the prototype of the built-in iterators what it lacks, and nothing else. */
export function polyfillIteratorHelpers(): void {
  const iterator = Object.getPrototypeOf(Object.getPrototypeOf([].values())) as object;
  for (const [name, value] of Object.entries({ map, filter, toArray })) {
    if (!(name in iterator)) Object.defineProperty(iterator, name, { value, configurable: true, writable: true });
  }
}
