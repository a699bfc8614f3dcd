// What of the bench is ticked in the page.
import { type AdapterFacts, sizeOf } from '@lockstep/tensor';
import { caseOf } from '../kernels/case-of.ts';
import type { NamedCase } from '../kernels/wanted-rows.ts';

/** Numbers that the inputs of a case may have where memory is small, or a CPU does the work: twelve bytes each, here and on the device. */
const mostNumbers = 2 ** 24;

export class Choice {
  readonly #boxes: ReadonlyMap<NamedCase, HTMLInputElement>;

  /** @param isChosen whether somebody has chosen these */
  constructor(
    cases: readonly NamedCase[],
    { isChosen, facts }: { readonly isChosen: boolean; readonly facts: AdapterFacts },
  ) {
    this.#boxes = new Map(cases.map((one) => [one, document.createElement('input')]));
    const list = document.getElementById('cases')!;
    for (const [{ op, shape }, box] of this.#boxes) {
      box.type = 'checkbox';
      const label = document.createElement('label');
      label.append(box, ` ${op} ${shape}`);
      list.append(label);
    }
    const tick = (is: (one: NamedCase) => boolean): void => {
      for (const [one, box] of this.#boxes) box.checked = is(one);
    };
    const isPhone = matchMedia('(pointer: coarse)').matches;
    tick(!isChosen && (facts.isCpu || isPhone) ? isSmall : () => true);
    document.getElementById('all')!.onclick = () => tick(() => true);
    document.getElementById('small')!.onclick = () => tick(isSmall);
    document.getElementById('none')!.onclick = () => tick(() => false);
  }

  /** What is ticked. */
  get cases(): NamedCase[] {
    return [...this.#boxes].filter(([, box]) => box.checked).map(([one]) => one);
  }
}

const isSmall = ({ op, shape }: NamedCase): boolean =>
  caseOf(op, shape).inputs.reduce((sum, input) => sum + sizeOf(input.shape), 0) <= mostNumbers;
