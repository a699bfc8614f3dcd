// `lockstep doctor`: what this machine offers to Lockstep, what is missing, and how to get it.
import { availableParallelism, cpus, totalmem } from 'node:os';
import { type AdapterFacts, allLimits, checkNaN, type Families } from '@lockstep/tensor';
import { openDevice } from '@lockstep/tensor/node';
import pc from 'picocolors';
import { rerunWithoutChatter } from '../launch/driver-chatter.ts';
import { listGpus } from '../launch/gpus.ts';
import { say } from '../console/say.ts';
import { setUpScript } from '../job/set-up-script.ts';
import { thrownWords } from '../console/thrown-words.ts';
import { versions } from '../job/versions.ts';
import { plural } from '../console/wording.ts';

/** What `--json` prints. */
interface Findings {
  readonly versions: Readonly<Record<string, string>>;
  readonly cpu: { readonly model: string; readonly threads: number; readonly memoryGiB: number };
  /** PCI addresses. */
  readonly gpus: readonly string[];
  readonly adapter: AdapterFindings | MissingAdapter;
  readonly optional: readonly Optional[];
}

interface MissingAdapter {
  readonly missing: string;
  /** What of a driver is here, and how to get the rest. */
  readonly reason: string;
  readonly hint: string;
}

interface AdapterFindings extends AdapterFacts {
  readonly name: string;
  readonly driver: string;
  readonly families: Families;
  /** What is wrong with NaN in reductions and comparisons of these kernels; nothing if all is well. */
  readonly lostNaN: readonly string[];
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

/** Something that Lockstep trains without. */
interface Optional {
  readonly name: string;
  /** Where it is. */
  readonly found: string | null;
  /** Why it cannot be used; nothing where it can. */
  readonly lack: string | null;
  readonly purpose: string;
  /** How to get it. */
  readonly install: string;
}

export async function doctorCommand({ json = false }: { json?: boolean }): Promise<void> {
  if (await rerunWithoutChatter()) return;
  const findings = await examine();
  say(process.stdout, json ? JSON.stringify(findings, null, 2) : describe(findings).join('\n'));
  if ('missing' in findings.adapter) process.exitCode = 1;
}

async function examine(): Promise<Findings> {
  const [first] = cpus();
  return {
    versions: versions(),
    cpu: {
      model: first?.model.trim() ?? 'unknown',
      threads: availableParallelism(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
    },
    gpus: listGpus(),
    adapter: await examineAdapter(),
    optional: await examineOptional(),
  };
}

interface VulkanScript {
  vulkanFacts: () => unknown;
  explainMissing: (facts: unknown) => Omit<MissingAdapter, 'missing'>;
}

/** A driver may take its process with it when it crashes, so a process of its own is asked first. */
async function examineAdapter(): Promise<Findings['adapter']> {
  const { reportAdapter } = await setUpScript<{
    reportAdapter: () => Promise<{ adapter: string | null; reason?: string; driver?: string }>;
  }>('report.mjs');
  const { adapter, reason = '', driver = '' } = await reportAdapter();
  if (adapter === null) {
    const { explainMissing, vulkanFacts } = await setUpScript<VulkanScript>('vulkan.mjs');
    return { missing: reason, ...explainMissing(vulkanFacts()) };
  }
  const device = await openDevice();
  const found = {
    name: adapter,
    ...device.facts,
    driver,
    families: device.families,
    lostNaN: await checkNaN(device),
    features: Array.from(device.gpu.features).toSorted(),
    limits: allLimits(device.gpu.limits),
  };
  await device.close();
  return found;
}

async function examineOptional(): Promise<Optional[]> {
  const install = 'apt-get install libucx0 (npm test tries it)';
  const { findChromium } = await setUpScript<{ findChromium: () => string | undefined }>('chromium.mjs');
  const chromium = findChromium() ?? null;
  return [
    {
      name: 'chromium',
      found: chromium,
      lack: chromium === null ? 'not found' : null,
      purpose: 'the tests in a browser',
      install: 'apt-get install chromium (npm test tries it), or set LOCKSTEP_CHROMIUM to its path',
    },
    { name: 'ucx', purpose: 'the bridge over RDMA and shared memory', install, ...(await examineUcx()) },
  ];
}

/** Where it is there and does not work, the hint of its error is the way to get it. */
async function examineUcx(): Promise<Pick<Optional, 'found' | 'lack'> & Partial<Pick<Optional, 'install'>>> {
  try {
    // Only here: what calls native libraries is not there on every system.
    const { openUcx } = await import('@lockstep/rdma');
    const ucx = await openUcx({ rdma: true });
    await ucx.close();
    return { found: `${ucx.version} · ${ucx.hasRdma ? 'RDMA' : 'shared memory, no RDMA device'}`, lack: null };
  } catch (error) {
    const [lack = '', hint] = (error instanceof Error ? error.message : thrownWords(error)).split('\n');
    return { found: null, lack, ...(hint?.startsWith('hint: ') && { install: hint.slice('hint: '.length) }) };
  }
}

const good = pc.green('✓');
const bad = pc.red('✗');
const line = (mark: string, label: string, text: string): string => `${mark} ${label.padEnd(9)} ${text}`;

function describe({ versions: { lockstep, node, system }, cpu, gpus, adapter, optional }: Findings): string[] {
  return [
    line(good, 'lockstep', `${lockstep} · Node ${node} · ${system}`),
    line(good, 'cpu', `${cpu.model} · ${plural(cpu.threads, 'thread')} · ${cpu.memoryGiB} GiB of memory`),
    ...('missing' in adapter ? describeMissing(adapter) : describeAdapter(adapter, gpus)),
    ...optional.flatMap(describeOptional),
  ];
}

function describeOptional({ name, found, lack, purpose, install }: Optional): string[] {
  if (found !== null) return [line(good, name, found)];
  return [line(bad, name, `${lack}; it is for ${purpose}`), line(' ', '', `hint: ${install}`)];
}

function describeMissing({ missing, reason, hint }: MissingAdapter): string[] {
  return [line(bad, 'adapter', missing), line(' ', '', reason), line(' ', '', `hint: ${hint}`)];
}

/** What has been tried is promised: WGSL itself promises nothing about NaN. */
function describeNaN(lostNaN: readonly string[]): string[] {
  if (lostNaN.length === 0)
    return [line(good, 'numbers', 'NaN passes through all reductions and comparisons, forward and backward')];
  return [
    line(bad, 'numbers', 'some kernels lose NaN here; a run may go on with numbers that mean nothing'),
    ...lostNaN.map((text) => line(' ', '', text)),
  ];
}

function describeAdapter(
  {
    name,
    driver,
    isCpu,
    subgroups,
    subgroupMinSize,
    subgroupMaxSize,
    families,
    lostNaN,
    features,
    limits,
  }: AdapterFindings,
  gpus: readonly string[],
): string[] {
  const MiB = (bytes = 0): string => `${Math.floor(bytes / 2 ** 20)} MiB`;
  const sizes = subgroupMinSize === subgroupMaxSize ? subgroupMinSize : `${subgroupMinSize} to ${subgroupMaxSize}`;
  const kind = isCpu ? 'computes on the CPU' : `${gpus.length > 1 ? `one of ${gpus.length} GPUs` : 'a GPU'}`;
  return [
    line(good, 'adapter', `${name} · ${kind}`),
    line(good, 'driver', driver),
    line(good, 'kernels', `matmul ${families.matmul} · attention ${families.attention} · rows ${families.rows}`),
    ...describeNaN(lostNaN),
    line(
      good,
      'limits',
      `${MiB(limits['maxStorageBufferBindingSize'])} per binding · ${MiB(limits['maxBufferSize'])} per buffer · ${(limits['maxComputeWorkgroupStorageSize'] ?? 0) / 1024} KiB of workgroup memory · ${limits['maxComputeInvocationsPerWorkgroup']} invocations`,
    ),
    line(
      subgroups ? good : bad,
      'subgroups',
      subgroups ? `of ${sizes}` : 'none; the kernels that use them have a slower form',
    ),
    line(good, 'features', features.join(', ')),
  ];
}
