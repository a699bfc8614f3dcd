// The commands of the guides, pasted into a shell.
import { expect, test } from 'vitest';
import { folder } from './cli.ts';
import { guides, runGuide } from './guides.ts';

test.each(guides)('what %s says to run ends well', { timeout: 300_000 }, (guide) => {
  expect(runGuide(folder(), guide)).toEqual([]);
});
