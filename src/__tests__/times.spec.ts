import { ageLabel, clockLabel, spanWords } from '../times';
import { trans } from './fakes';

describe('times', () => {
  it.each([
    [0, '00:00:00'],
    [405.9, '00:06:45'],
    [3600, '01:00:00'],
    [120 * 3600 + 61, '120:01:01'],
    [-5, '00:00:00']
  ])('%d s are written as %s', (seconds, text) => {
    expect(clockLabel(seconds)).toBe(text);
  });

  it.each([
    [45, '45 s'],
    [60, '1 min'],
    [5400, '1 h 30 min'],
    [7200, '2 h'],
    [86_400 + 3600 + 60, '1 d 1 h'],
    [-5, '0 s']
  ])('%d s are %s in a sentence', (seconds, words) => {
    expect(spanWords(seconds, trans)).toBe(words);
  });

  it.each([
    [12.7, '12 s ago'],
    [60, '1 min ago'],
    [3600, '1 h ago'],
    [47 * 3600, '47 h ago'],
    [72 * 3600, '3 days ago'],
    [-1, '0 s ago']
  ])('%d s are %s', (seconds, text) => {
    expect(ageLabel(seconds, trans)).toBe(text);
  });
});
