// Words by which a module asks where it lies. In a bundle it lies elsewhere, so each is replaced by a name of ours before bundling, by
// the bundler, which knows strings and comments from code; afterwards `references.ts` finds what is left of them.

/**
 * Stands for `import.meta.url`. So long that what it stands in is never shorter than the name of a file by its sha256, so that nothing
 * after it moves when that is set in.
 */
export const ownUrl: string = `__lockstep_url_${'_'.repeat(120)}`;

const others: Readonly<Record<string, string>> = {
  'import.meta.dirname': '__lockstep_meta_dirname',
  'import.meta.filename': '__lockstep_meta_filename',
  'import.meta.resolve': '__lockstep_meta_resolve',
  'import.meta': '__lockstep_meta',
  __dirname: '__lockstep_dirname',
  __filename: '__lockstep_filename',
};

/** What the bundler is to replace, and by what. */
export const definitions: Readonly<Record<string, string>> = { ...others, 'import.meta.url': ownUrl };

/** What the user wrote, by our names for it. */
export const refused: ReadonlyMap<string, string> = new Map(
  Object.entries(definitions).map(([written, ours]) => [ours, written]),
);
