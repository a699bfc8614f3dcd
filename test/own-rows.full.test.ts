// Rows that somebody's code gives, through whole jobs: real processes, data that is drawn anew whenever it is loaded.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { folder, type TrainJson, trainRun } from './cli.ts';

const file = fileURLToPath(new URL('fixtures/own-rows.ts', import.meta.url));

/** `lockstep train`, with a cache of its own for each test. */
function trainWith(cache: string): (...args: string[]) => Promise<TrainJson> {
  return (...args) => trainRun(file, args, { env: { LOCKSTEP_CACHE: cache } });
}

test('random rows are loaded once: runs on 1 and 3 workers, and one that goes on, learn from the same', async () => {
  const [cache, out] = [folder(), join(folder(), 'run')];
  const train = trainWith(cache);
  const { weightsSha256, validationLoss } = await train('--workers', '1', '--out', out);
  expect(await train('--workers', '3')).toMatchObject({ weightsSha256, validationLoss });
  for (const after of ['checkpoints/step-000006', 'model']) rmSync(join(out, after), { recursive: true });
  expect(await train('--workers', '2', '--resume', '--out', out)).toMatchObject({ weightsSha256, validationLoss });
  rmSync(cache, { recursive: true });
  rmSync(join(out, 'checkpoints/step-000006'), { recursive: true });
  const refused = train('--resume', '--out', out);
  await expect(refused).rejects.toThrow(
    /--resume: expected the data that the run was begun with, of sha256 \w{12}…, got \w{12}… from points\nhint: /,
  );
});
