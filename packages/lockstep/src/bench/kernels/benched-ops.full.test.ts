import { beforeAll, expect, test } from 'vitest';
import { device } from '../../../../../test/gpu.ts';
import { CeilingProbe } from '../ceilings.ts';
import { benchedOps } from './benched-ops.ts';
import { caseOf } from './case-of.ts';
import { measureVariants } from './variants.ts';

let probe: CeilingProbe;
beforeAll(async () => {
  probe = await CeilingProbe.create(device);
});

/** Small sizes at which every op of the bench is proved here, by their axes. */
const small: Readonly<Record<string, string>> = {
  MxNxK: '24x40x16',
  'MxNxK[xBATCH]': '24x40x16x2',
  IMAGESxCHANNELSxSIZExOUTPUTS: '2x3x7x5',
  BATCHxTOKENSxHEADSxHEAD_SIZE: '2x19x3x8',
  TOKENSxVOCABULARYxCOLUMNS: '30x50x12',
  ROWSxCLASSES: '9x70',
  WEIGHTS: '640',
  ROWSxCOLUMNS: '5x300',
  any: '7x30',
};

test.each(
  benchedOps.flatMap(({ op, axes, halves }) => (halves ? ['f32', 'f16'] : ['f32']).map((dtype) => [op, dtype, axes])),
)('the bench has the right definition of %s in %s', async (op, dtype, axes) => {
  const from = caseOf(op!, small[axes!]!);
  const family = from.family ? device.families[from.family] : 'generated';
  const variant = { from, family, dtype: dtype as 'f32' | 'f16' };
  const all = measureVariants(device, [variant], { probe, rounds: 1, log: () => {} });
  expect((await all.next()).value).toMatchObject([{ status: 'ok', op, dtype }]);
});
