// Files of this package, from wherever a module of it lies: here in rooms, in a kit all in one folder, which is where this file lies, too.

/** The place of a file, by its path from the package's folder. */
export const ownFile = (path: string): URL => new URL(`../${path}`, import.meta.url);
