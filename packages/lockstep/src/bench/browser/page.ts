// The bench in a page: shows what can be measured, measures it, shows rows as they come, and gives the file that Node's bench writes.
import type { Device } from '@lockstep/tensor';
import { ConfigError } from '@lockstep/errors';
import { openDevice } from '../../page/open-device.ts';
import type { BenchFile, KernelRow } from '../bench-file.ts';
import { ceilingsOf } from '../ceilings.ts';
import { Clock } from '../clock.ts';
import { emptyFile } from '../empty-file.ts';
import { measureDespiteFailures } from '../kernels/despite-failures.ts';
import { allOps, casesOf, wantedRows } from '../kernels/wanted-rows.ts';
import { measureOverheads } from '../overheads.ts';
import { sortTables } from '../report/sort-tables.ts';
import { Choice } from './choice.ts';
import { placeOf, type Told } from './place.ts';
import { View } from './view.ts';
import { deliveryPath, type Wishes, wishesId } from './wishes.ts';
import { isWorker, serveOrders, startWorker } from './worker.ts';

if (isWorker) serveOrders();
else await showPage();

async function showPage(): Promise<void> {
  sortTables();
  const view = new View();
  const wishes = JSON.parse(document.getElementById(wishesId)!.textContent) as Wishes;
  try {
    const device = await openDevice();
    const { facts } = device;
    view.showAdapter(emptyFile(device, placeOf(navigator as Told, wishes.lockstep)));
    await device.close();
    const choice = new Choice(wishes.cases ?? casesOf(allOps()), { isChosen: wishes.cases !== undefined, facts });
    view.showControls(wishes.rounds, (rounds, signal) =>
      measureChosen(view, { ...wishes, rounds, cases: choice.cases }, signal),
    );
  } catch (error) {
    view.say(`${(error as Error).message}. ${hint()}`);
  }
}

const hint = (): string =>
  isSecureContext
    ? 'Chrome and Edge have it, Safari from 26 on, Firefox from 141 on where the system has a driver that it trusts.'
    : 'Browsers give it to pages from https, and from this very machine: serve this page so, or forward a port of the phone to localhost (adb reverse).';

/** Measures, shows, and delivers where that is wished. */
async function measureChosen(view: View, wishes: Wishes, signal: AbortSignal): Promise<void> {
  if (wishes.cases?.length === 0) throw new ConfigError('expected ops to measure, got none that is ticked');
  const awake = await navigator.wakeLock?.request('screen').catch(() => undefined);
  const hidden = watchHidden();
  try {
    const file = await measured(view, wishes, signal);
    const { adapter } = file;
    const clocks = hidden.wasHidden() ? `${adapter.clocks}; the page was hidden for a while` : adapter.clocks;
    const whole = { ...file, adapter: { ...adapter, clocks } };
    view.showFile(whole);
    if (wishes.deliver && !signal.aborted) await deliver(whole);
  } finally {
    hidden.end();
    await awake?.release();
  }
}

async function measured(view: View, wishes: Wishes, signal: AbortSignal): Promise<BenchFile> {
  view.say('looking at the clock, and at what dispatches and copies cost');
  const device = await openDevice();
  const { wanted, empty } = await lookAround(device, wishes).finally(() => device.close());
  const done: KernelRow[] = [];
  const so = (kernels: readonly KernelRow[]): BenchFile => ({
    ...empty,
    ceilings: { ...empty.ceilings, ...ceilingsOf(kernels) },
    kernels,
  });
  view.showProgress(0, wanted.length);
  const kernels = await measureDespiteFailures(
    { wanted, rounds: wishes.rounds },
    {
      start: startWorker((line) => view.say(line)),
      deadline: wishes.deadline,
      signal,
      hear: (rows) => {
        done.push(...rows);
        view.showProgress(done.length, wanted.length);
        view.showRows(so(done));
      },
    },
  );
  return so(kernels);
}

async function lookAround(device: Device, wishes: Wishes) {
  const wanted = wantedRows(device, wishes.cases!, wishes);
  const clock = await Clock.open(device);
  const empty: BenchFile = {
    ...emptyFile(device, placeOf(navigator as Told, wishes.lockstep)),
    timer: clock.timer,
    ...(await measureOverheads(device, clock)),
  };
  return { wanted, empty };
}

/** Browsers let pages wait that nobody sees. */
function watchHidden(): { wasHidden: () => boolean; end: () => void } {
  let was = document.hidden;
  const look = (): void => void (was ||= document.hidden);
  document.addEventListener('visibilitychange', look);
  return { wasHidden: () => was, end: () => document.removeEventListener('visibilitychange', look) };
}

async function deliver(file: BenchFile): Promise<void> {
  const response = await fetch(deliveryPath, { method: 'POST', body: JSON.stringify(file) });
  if (!response.ok) throw new Error(await response.text());
}
