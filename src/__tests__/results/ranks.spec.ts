import {
  hasRank,
  overlaps,
  parseRanks,
  rangesOf,
  ranksLabel,
  toggled
} from '../../results/ranks';

describe('ranks', () => {
  it.each([
    ['', ''],
    ['7', '7'],
    ['0-7, 9', '0–7, 9'],
    ['0–7,9', '0–7, 9'],
    [' 9 ; 0 - 3 ', '0–3, 9'],
    ['3-0', '0–3'],
    ['0-3 2-5 6', '0–6'],
    ['0-999999999', '0–999999999']
  ])('reads %p as %p', (text, label) => {
    expect(ranksLabel(parseRanks(text) ?? [[-1, -1]])).toBe(label);
  });

  it.each(['all', '1-', '-1', '1.5', '0-3-5', '1234567890'])(
    'does not read %p',
    text => {
      expect(parseRanks(text)).toBeNull();
    }
  );

  it('writes single ranks as ranges', () => {
    expect(ranksLabel(rangesOf([4, 0, 1, 2, 9]))).toBe('0–2, 4, 9');
    expect(rangesOf([])).toEqual([]);
  });

  it('finds ranks', () => {
    const ranges = rangesOf([0, 1, 2, 9]);
    expect([0, 2, 3, 9].map(rank => hasRank(ranges, rank))).toEqual([
      true,
      true,
      false,
      true
    ]);
    expect(overlaps(ranges, [[3, 8]])).toBe(false);
    expect(overlaps(ranges, [[2, 2]])).toBe(true);
    expect(overlaps([], ranges)).toBe(false);
  });

  it('adds a rank and takes it out again', () => {
    expect(toggled([], 3)).toEqual([[3, 3]]);
    expect(toggled([[0, 2]], 3)).toEqual([[0, 3]]);
    expect(toggled([[0, 3]], 1)).toEqual([
      [0, 0],
      [2, 3]
    ]);
    expect(toggled([[3, 3]], 3)).toEqual([]);
  });
});
