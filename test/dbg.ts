import { readFileSync } from 'node:fs';
import { createModel, languageModelLoss, Parameters } from '@lockstep/nn';
import { fromPretrained } from '@lockstep/nn/node';
import { differentiate } from '@lockstep/tensor';
import { openDevice } from '@lockstep/tensor/node';
const device = await openDevice();
const directory = new URL(`fixtures/gpt2-tiny/`, import.meta.url);
const expected = JSON.parse(readFileSync(new URL('expected.json', directory), 'utf8'));
const { description, weights } = await fromPretrained(directory.pathname);
const model = createModel(description);
const parameters = new Parameters(device, model);
const [batch, context] = [expected.tokens.length, expected.tokens[0].length];
const grid = (rows: number[][]) => device.tensor(Uint32Array.from(rows.flat()), [batch, context]);
const positions = device.tensor(
  Uint32Array.from({ length: batch * context }, (_, i) => i % context),
  [batch, context],
);
const inputs = { tokens: grid(expected.tokens), targets: grid(expected.targets), positions };
parameters.load(weights);
const value = differentiate(device, () => languageModelLoss(model, parameters, inputs, { rows: batch * context }));
console.log(await value.read(), expected.loss);
const gradients = parameters.unpack(await parameters.gradients.read());
for (const [name, { norm, first }] of Object.entries<any>(expected.gradients)) {
  const { data } = gradients.get(name)!;
  console.log(name, Math.hypot(...data), norm, [...data.slice(0, 2)], first.slice(0, 2));
}
const d2 = await openDevice();
const p = await device.capture(() =>
  differentiate(device, () => languageModelLoss(model, parameters, inputs, { rows: batch * context })),
);
console.log(
  p.dispatches
    .map((d) => d.kernel + ' ' + d.workgroups.join())
    .slice(-60)
    .join('\n'),
);
await device.submit([p]);
console.log((await parameters.get('transformer.h.1.mlp.c_proj.weight').gradient.read()).slice(0, 4));
