// A hundred random compositions of public ops: values and gradients are PyTorch's (fixtures/compositions/make_compositions.py).
import { readFileSync } from 'node:fs';
import { ops, type Tensor, withGradients } from '@lockstep/tensor';
import { expect, test } from 'vitest';
import { difference } from './difference.ts';
import { device } from './gpu.ts';

interface Array {
  readonly shape: number[];
  readonly data: number[];
}
interface Step {
  readonly input?: number;
  readonly axis?: number;
  readonly keepAxis?: boolean;
  readonly a?: number;
  readonly b?: number;
  readonly shape?: number[];
  readonly start?: number;
  readonly before?: number;
  readonly after?: number;
  readonly descending?: boolean;
  readonly places?: number[];
}
interface Composition {
  readonly inputs: Array[];
  readonly steps: [name: string, step: Step][];
  readonly y: Array;
  readonly gradients: Array[];
}

const file = new URL('fixtures/compositions/compositions.json', import.meta.url);
const { compositions } = JSON.parse(readFileSync(file, 'utf8')) as { compositions: Composition[] };

/** How a step is written with public ops; all others are ops of one tensor, or of two. */
const forms: Record<string, (x: Tensor, step: Step, other: Tensor) => Tensor> = {
  quotient: (x, _, other) => x.div(other.square().add(1)),
  sum: (x, { axis, keepAxis }) => x.sum({ axis: axis!, keepAxis: keepAxis! }),
  mean: (x, { axis, keepAxis }) => x.mean({ axis: axis!, keepAxis: keepAxis! }),
  max: (x, { axis, keepAxis }) => x.max({ axis: axis!, keepAxis: keepAxis! }),
  logSumExp: (x, { axis, keepAxis }) => x.logSumExp({ axis: axis!, keepAxis: keepAxis! }),
  variance: (x, { axis, keepAxis }) => x.variance({ axis: axis!, keepAxis: keepAxis! }),
  transpose: (x, { a, b }) => x.transpose(a, b),
  reshape: (x, { shape }) => x.reshape(shape!),
  slice: (x, { axis, start }) => x.slice({ axis: axis!, start: start! }),
  pad: (x, { axis, before, after }) => ops.pad(x, { axis: axis!, before: before!, after: after! }),
  flip: (x, { axis }) => x.flip(axis),
  concat: (x, { axis }) => ops.concat([x, x], { axis: axis! }),
  cumsum: (x, { axis }) => x.cumsum({ axis: axis! }),
  layerNorm: (x) => ops.layerNorm(x, { epsilon: 1e-2 }),
  rmsNorm: (x) => ops.rmsNorm(x, { epsilon: 1e-2 }),
  sort: (x, { descending }) => x.sort({ descending: descending! }).values,
  gather: (x, step) => x.gather(indices.get(step)!.reshape([...x.shape.slice(0, -1).map(() => 1), -1])),
};

/** Places to gather from, made beforehand: a capture takes nothing from the host. */
const indices = new Map(
  compositions
    .flatMap(({ steps }) => steps)
    .flatMap(([, step]) => (step.places ? [[step, device.tensor(Uint32Array.from(step.places))] as const] : [])),
);

function apply(x: Tensor, [name, step]: Composition['steps'][number], inputs: readonly Tensor[]): Tensor {
  const other = inputs[step.input ?? 0]!;
  const form = forms[name];
  if (form) return form(x, step, other);
  const op = (ops as unknown as Record<string, (...args: Tensor[]) => Tensor>)[name]!;
  return step.input === undefined ? op(x) : op(x, other);
}

test.each(compositions.map((one, i) => [i, one.steps.map(([name]) => name).join(', '), one] as const))(
  '%i: %s',
  async (_i, _names, { inputs, steps, y, gradients }) => {
    const wanted = inputs.map(({ shape, data }) => device.tensor(Float32Array.from(data), shape));
    const seed = (of: Tensor): Tensor =>
      device.tensor(
        Float32Array.from({ length: of.size }, (_, i) => Math.cos(i)),
        of.shape,
      );
    const outcome = device.scope(() => {
      const result = withGradients(device, () => steps.reduce((x, step) => apply(x, step, wanted), wanted[0]!), {
        wanted,
        seed,
      });
      return [result.loss, ...result.gradients];
    });
    const read = await device.read(outcome as Tensor[]);
    [y, ...gradients].forEach((expected, i) => {
      expect(outcome[i]!.shape).toEqual(expected.shape);
      expect(difference(read[i]!, expected.data)).toBeLessThan(2e-4);
    });
    for (const tensor of [...wanted, ...outcome]) tensor!.dispose();
  },
);

test(
  'an op has the same bits whether it is computed with others, captured with them, or by itself',
  { timeout: 300_000 },
  async () => {
    for (const { inputs, steps } of compositions) {
      const tensors = inputs.map(({ shape, data }) => device.tensor(Float32Array.from(data), shape));
      const together = device.scope(() => steps.reduce((x, step) => apply(x, step, tensors), tensors[0]!));
      const results = [tensors[0]!];
      for (const step of steps) {
        const result = device.scope(() => apply(results.at(-1)!, step, tensors));
        // What is read is stored, and the next op begins from there.
        await result.read();
        results.push(result);
      }
      const [fused, apart] = await device.read([together, results.at(-1)!]);
      expect({ steps, values: fused }).toEqual({ steps, values: apart });
      const program = await device.capture(() => steps.reduce((x, step) => apply(x, step, tensors), tensors[0]!));
      const [captured] = await device.submit([program, program.result]);
      expect({ steps, values: captured }).toEqual({ steps, values: apart });
      program.dispose();
      for (const tensor of new Set([...tensors, together, ...results])) tensor.dispose();
    }
  },
);
