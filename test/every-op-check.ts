// The checks of all ops and optimizers, which lie beside them.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

for (const folder of ['../packages/tensor/src/ops/', '../packages/nn/src/optimizers/']) {
  const files = readdirSync(new URL(folder, import.meta.url)).filter((file) => file.endsWith('.test.ts'));
  for (const file of files) await import(fileURLToPath(new URL(folder + file, import.meta.url)));
}
