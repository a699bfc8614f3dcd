// The scripts of set-up, from the command: they are plain JavaScript, because they run before anything is compiled.
import { ownFile } from '../own-file.ts';

/** Loads a script of `setup/`, whose exports the caller knows. */
export function setUpScript<Script>(name: string): Promise<Script> {
  return import(ownFile(`setup/${name}`).href) as Promise<Script>;
}
