// What settings are: definitions, the schemas that they are made of, and settings given as text.
export {
  type Defined,
  defined,
  type Definition,
  definitionOf,
  isDefined,
  type Role,
  settingsOf,
  valueOf,
} from './definition.ts';
export { readJSON, readNumber } from './read-setting.ts';
export { powerOfTwo, real, settings, whole, words } from './settings.ts';
export { type SettingChange, withSettings } from './with-settings.ts';
