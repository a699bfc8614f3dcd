import { describe, expect, it } from 'vitest';
import { drawLossChart } from './loss-chart.ts';

const points = (count: number): { step: number; loss: number }[] =>
  Array.from({ length: count }, (_, i) => ({ step: i + 1, loss: 4 / (i + 1) + 1 }));
const textsOf = (svg: string): string[] => Array.from(svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g), ([, text]) => text!);

describe('drawLossChart', () => {
  it('names the run, both axes with their units, and both lines', async () => {
    const svg = await drawLossChart({ title: 'moby-dick', train: points(50), validation: points(5) });
    expect(svg).toMatch(/^<svg [^>]*width="900" height="520"/);
    expect(textsOf(svg)).toEqual(
      expect.arrayContaining(['moby-dick', 'step', 'loss (nats per token)', 'train', 'validation']),
    );
  });

  it('is XML', async () => {
    const svg = await drawLossChart({ title: 'a', train: points(3), validation: points(1) });
    const tags = svg.replaceAll(/<!\[CDATA\[.*?\]\]>/gs, '').match(/<[^>]*>/g)!;
    for (const tag of tags) expect(tag).toMatch(/^<\/?[\w:]+(\s+[\w:-]+="[^"<]*")*\s*\/?>$/);
  });

  it('has no entry for a line that is not there, and draws nothing at all without complaint', async () => {
    expect(textsOf(await drawLossChart({ title: 'a', train: points(1), validation: [] }))).not.toContain('validation');
    expect(textsOf(await drawLossChart({ title: 'a', train: [], validation: [] }))).not.toContain('train');
  });
});
