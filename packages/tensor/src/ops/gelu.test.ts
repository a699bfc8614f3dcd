import { checkOp } from '../../../../test/check-op.ts';
import { gelu } from './gelu.ts';

checkOp(gelu, {
  samples: [{ shapes: [[1]] }, { shapes: [[37, 257]] }],
  reference: ([x]) =>
    x!.map((value) => 0.5 * value * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (value + 0.044715 * value ** 3)))),
});
