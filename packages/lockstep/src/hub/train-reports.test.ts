// What an honest worker has to say is never refused, however long it is.
import { expect, it } from 'vitest';
import { readyMessage, sampleMessage, type TrainReport, TrainReports } from './train-reports.ts';
import { failureWords, readWords } from './words.ts';

const heard = (message: TrainReport): TrainReport =>
  new TrainReports({ fromStep: 0, steps: 9 }).read(message, { worker: 'worker-0', rank: 0 });
/** What a message of the hub's connection holds. */
const mostBytes = 2 ** 20 - 64;

it('a sample that is too long for a message is cut, and says so', () => {
  for (const character of ['a', '鯨', '🐋']) {
    const message = sampleMessage({ step: 1, text: `a${character.repeat(1_000_000)}` });
    expect(heard(message)).toEqual(message);
    expect(message.text).toMatch(/^a(?:a|鯨|🐋){99999,}…\n\(cut after 200,000 characters\)$/u);
    expect(Buffer.byteLength(message.text)).toBeLessThan(mostBytes);
  }
  expect(sampleMessage({ step: 1, text: 'Call me Ishmael.' }).text).toBe('Call me Ishmael.');
});

it('an adapter, a reason and a failure of any length are taken, their beginnings whole', () => {
  const long = `a${'🐋'.repeat(5_000)}`;
  const ready = readyMessage({ adapter: long, families: {}, bridge: { bridge: 'ws', reason: long } });
  const failed = failureWords(Object.assign(new Error(long), { code: long }));
  expect(heard(ready)).toEqual(ready);
  expect(readWords(failed)).toEqual(failed);
  expect(ready.adapter).toMatch(/^a🐋+…$/u);
  expect(failed.message).toMatch(/^a🐋+…$/u);
});

it('whatever was thrown is a failure with words', () => {
  expect(failureWords(undefined)).toEqual({ kind: 'failed', code: '', message: 'a thrown undefined' });
  expect(failureWords('no device')).toMatchObject({ message: "a thrown 'no device'" });
  expect(failureWords(Object.assign(new Error('x'), { code: 'CONFIG' }))).toMatchObject({ code: 'CONFIG' });
});
