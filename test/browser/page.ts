// What the page runs: it opens its adapter and fetches its text, as a page of our users would.
import { Device } from '@lockstep/tensor';
import { prepareText } from '@lockstep/trainer';
import { type Architecture, fiveSteps, type FiveSteps, tides } from './five-steps.ts';

// One device for all runs, since compiling the kernels takes far longer than the steps.
const device = await Device.open(navigator.gpu);

export async function trainInPage(architecture: Architecture): Promise<FiveSteps> {
  return fiveSteps(architecture, device, await prepareText(tides));
}
