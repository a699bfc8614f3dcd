// An optimizer as what it computes: of every form in which it updates a parameter the recorded graph, and the numbers that it is told.
import { canonicalText, type GraphDevice, type GraphNode, type GraphText, graphText } from '@lockstep/tensor';
import type { ParameterSpec } from '../models/model.ts';
import { blockSize } from '../parameters.ts';
import type { States } from './define-optimizer.ts';
import type { Group } from './parameter-groups.ts';
import { type Link, numbersAt, numbersOf } from './record-update.ts';
import { recordTrial, type Trial } from './update-form.ts';
import type { Region, UpdatePlan } from './update-plan.ts';

/** Steps whose numbers are written down. */
const numberedSteps = [1, 2, 3, 4, 10, 100, 1000, 10_000];

/** Records updates of a model's parameters, those alike once. */
export function updateGraph({ groups, regions }: UpdatePlan, device: GraphDevice): GraphText {
  const alike = new Map<
    string,
    { readonly region: Region; readonly shape: readonly number[]; specs: ParameterSpec[] }
  >();
  for (const region of regions)
    for (const spec of region.specs) {
      const shape = region.isWhole ? spec.shape : [1, blockSize];
      const key = canonicalText({ group: region.group, shape });
      const known = alike.get(key) ?? { region, shape, specs: [] };
      known.specs.push(spec);
      alike.set(key, known);
    }
  const texts = Array.from(alike.values(), ({ region, shape, specs }) =>
    groupText(device, groups[region.group]!, { shape, specs }),
  );
  return { lines: texts.flatMap(({ lines }) => lines), data: texts.flatMap(({ data }) => data) };
}

function groupText(
  device: GraphDevice,
  { links }: Group,
  { shape, specs }: { readonly shape: readonly number[]; readonly specs: readonly ParameterSpec[] },
): GraphText {
  const names = specs.map(({ name }) => name).toSorted();
  const trial = recordTrial(device, links, { name: names[0]!, shape }, (tensor, name) => device.name(tensor, name));
  const { lines, data } = graphText(rootsOf(device, trial));
  const numbers = links.map(
    (link, i) => `link ${i}: ${canonicalText(numbersText(link))}${fusedKernels(device, links, trial)}`,
  );
  return { lines: [`update of ${names.join(', ')}`, ...numbers, ...lines], data };
}

function numbersText(link: Link): object {
  const { peak, norm, definition } = link;
  const names = numbersOf(link);
  const numbers = names.length > 0 ? numberedSteps.map((step) => numbersAt(link, names, step)) : undefined;
  return { peak, norm, numbers, use: definition.use };
}

function rootsOf(device: GraphDevice, { begun, next }: Trial): [string, GraphNode][] {
  const named = (what: string, states: readonly States[]): [string, GraphNode][] =>
    states.flatMap((state, i) =>
      Object.entries(state)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, tensor]): [string, GraphNode] => [`${what} ${i} ${name}`, device.nodeOf(tensor)]),
    );
  return [...named('begun', begun), ...named('next', next.states), ['weight', device.nodeOf(next.weight)]];
}

/** Others' kernels in place of the update in ops. */
function fusedKernels(device: GraphDevice, links: readonly Link[], { weight, gradient, states }: Trial): string {
  const [{ definition, settings }] = links as [Link];
  if (links.length > 1 || !definition.fused) return '';
  return device.kernelsOf(() => {
    const one = device.empty([1]);
    const tensors = { weight, gradient, ...states[0], matrix: one, norm: one, schedule: one, unsound: one };
    definition.fused!(device, tensors as never, settings, { size: weight.size, block: 0 });
  });
}
