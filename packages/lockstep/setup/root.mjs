// Where the repository is, and where set-up keeps what it fetched and what it found out. Nothing else knows paths.
// @ts-check

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root directory. */
export const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Set-up's own cache: deleting it costs time, nothing else. */
export const cache = join(root, 'node_modules/.cache/lockstep');
