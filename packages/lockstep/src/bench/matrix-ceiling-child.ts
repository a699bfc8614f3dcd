// The process that measures what subgroup matrices reach; it says nothing where there are none, or where products are wrong.
import { cast, type Device, kernel, type Tensor, time } from '@lockstep/tensor';
import { openDevice } from '@lockstep/tensor/node';
import {
  type MatrixCeiling,
  matrixChains,
  matrixElement,
  type MatrixForm,
  matrixKernelText,
} from './matrix-ceiling.ts';
import { median } from './statistics.ts';

const feature = 'chromium-experimental-subgroup-matrix' as GPUFeatureName;
const device = await openDevice({ experimental: [feature] });
const form = device.gpu.features.has(feature) ? bestForm(device.gpu.adapterInfo) : undefined;
const found = form && (await measured(device, form));
if (found) process.send!(found);
process.disconnect();
process.exit(0);

/** Halves that are added up in whole numbers, as training wants them, before others. */
function bestForm(info: GPUAdapterInfo): MatrixForm | undefined {
  const all = [...((info as { subgroupMatrixConfigs?: Iterable<MatrixForm> }).subgroupMatrixConfigs ?? [])];
  const isHalf = (type: string): boolean => type === 'f16';
  const isNumber = (type: string): boolean => (isHalf(type) ? device.facts.f16 : type === 'f32');
  const usable = all.filter((one) => isNumber(one.componentType) && isNumber(one.resultComponentType));
  const rank = ({ componentType, resultComponentType }: MatrixForm): number =>
    2 * Number(isHalf(componentType)) + Number(!isHalf(resultComponentType));
  return usable.toSorted((a, b) => rank(b) - rank(a))[0];
}

/** Where subgroups may be narrower than the widest, several of them do the work that is counted once: never too much is claimed. */
async function measured(device: Device, form: MatrixForm): Promise<MatrixCeiling | undefined> {
  const { componentType, resultComponentType, M, N, K } = form;
  const [groups, rounds] = [4096, 1024];
  const ones = device.tensor(new Float32Array(M * K + matrixChains * N * K).fill(matrixElement));
  const x: Tensor = componentType === 'f16' ? cast(ones, 'f16') : ones;
  const y = device.empty([groups * matrixChains * M * N], resultComponentType);
  const own = kernel(matrixKernelText(form, device.facts.subgroupMaxSize), { name: 'matrixCeiling' });
  const program = await device.capture(() => device.run(own, { x, y }, { rounds }, [groups]));
  await device.submit([program]);
  const expected = rounds * K * matrixElement ** 2;
  if (!(await y.read()).every((value) => value === expected)) return undefined;
  const times: number[] = [];
  for (let run = 0; run < 9; run++) times.push(await time(device, program));
  const flops = 2 * M * N * K * matrixChains * rounds * groups;
  return { form: `${componentType} → ${resultComponentType}, ${M} × ${N} × ${K}`, gflops: flops / median(times) / 1e6 };
}
