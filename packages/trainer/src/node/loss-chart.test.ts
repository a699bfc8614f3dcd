import { describe, expect, it } from 'vitest';
import { drawLossChart } from './loss-chart.ts';
import type { Curves, Point } from './metrics-log.ts';

const points = (count: number): Point[] =>
  Array.from({ length: count }, (_, i) => ({ step: i + 1, value: 4 / (i + 1) + 1 }));
const drawLoss = (loss: Curves, metrics: [string, Curves][] = []): Promise<string> =>
  drawLossChart({ title: 'moby-dick', loss, metrics: new Map(metrics) });
const textsOf = (svg: string): string[] => Array.from(svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g), ([, text]) => text!);

describe('drawLossChart', () => {
  it('names the run, both axes with their units, and both lines', async () => {
    const svg = await drawLoss({ train: points(50), validation: points(5) });
    expect(svg).toMatch(/^<svg [^>]*width="900" height="520"/);
    expect(textsOf(svg)).toEqual(expect.arrayContaining(['moby-dick', 'step', 'loss', 'train', 'validation']));
  });

  it('has a panel for each metric, of which there may be too many to look at', async () => {
    const curves = { train: points(9), validation: points(2) };
    const svg = await drawLoss(curves, [['accuracy', curves]]);
    expect(svg).toMatch(/^<svg [^>]*width="900" height="698"/);
    expect(textsOf(svg)).toContain('accuracy');
    const many = await drawLoss(
      curves,
      Array.from({ length: 1000 }, (_, i) => [`metric ${i}`, curves]),
    );
    expect(many).toMatch(/^<svg [^>]*height="2656"/);
  });

  it('is XML', async () => {
    const svg = await drawLoss({ train: points(3), validation: points(1) });
    const tags = svg.replaceAll(/<!\[CDATA\[.*?\]\]>/gs, '').match(/<[^>]*>/g)!;
    for (const tag of tags) expect(tag).toMatch(/^<\/?[\w:]+(\s+[\w:-]+="[^"<]*")*\s*\/?>$/);
  });

  it('draws more steps than a call takes arguments', async () => {
    const svg = await drawLoss({ train: points(200_000), validation: [] });
    expect(textsOf(svg)).toContain('200,000');
  });

  it('has no entry for a line that is not there, and draws nothing at all without complaint', async () => {
    expect(textsOf(await drawLoss({ train: points(1), validation: [] }))).not.toContain('validation');
    expect(textsOf(await drawLoss({ train: [], validation: [] }))).not.toContain('train');
  });
});
