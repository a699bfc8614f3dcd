// The scripts of set-up, from the command: they are plain JavaScript, because they run before anything is compiled.

/** Loads a script of `setup/`, whose exports the caller knows. */
export function setUpScript<Script>(name: string): Promise<Script> {
  return import(new URL(`../../setup/${name}`, import.meta.url).href) as Promise<Script>;
}
