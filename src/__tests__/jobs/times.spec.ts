import { parseClock, walltimeProblem } from '../../jobs/times';
import { trans } from '../fakes';

describe('times', () => {
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
});
