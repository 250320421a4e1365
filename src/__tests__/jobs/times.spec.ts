import {
  ageLabel,
  clockLabel,
  parseClock,
  walltimeProblem
} from '../../jobs/times';
import { trans } from '../fakes';

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
    ['01:00:00', 3600],
    [' 1:02:03 ', 3723],
    ['120:00:01', 432001],
    ['1:60:00', null],
    ['1:00', null],
    ['', null],
    ['-1:00:00', null]
  ])('%j is read as %p', (text, seconds) => {
    expect(parseClock(text)).toBe(seconds);
  });

  it.each([
    ['01:30:00', null],
    ['00:01:00', null],
    ['90 minutes', /HH:MM:SS/],
    ['00:00:59', /shortest/],
    ['8784:00:01', /longest/]
  ])('says what is wrong with %j', (text, problem) => {
    const said = walltimeProblem(text, trans);
    if (problem === null) {
      expect(said).toBeNull();
    } else {
      expect(said).toMatch(problem);
    }
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
