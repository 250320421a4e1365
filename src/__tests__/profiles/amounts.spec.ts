import {
  memoryText,
  parseCount,
  parseMemory,
  parseWalltime
} from '../../profiles/amounts';
import { clockLabel } from '../../times';

describe('parseWalltime', () => {
  it.each([
    ['1:30', 5400],
    ['01:30:00', 5400],
    ['100:00:00', 360_000],
    ['90m', 5400],
    ['90 min', 5400],
    ['2h', 7200],
    ['1h 30m', 5400],
    ['1.5 h', 5400],
    ['1d', 86_400],
    ['2:30', 9000],
    ['2h30', 9000],
    ['2h 30', 9000],
    ['2H30M', 9000],
    ['1d12h', 129_600],
    ['1d12', 129_600],
    ['1d 12h 30', 131_400],
    ['5m30', 330],
    ['1,5h', 5400],
    ['2 hours', 7200],
    ['1 hr. 30 mins', 5400],
    ['90 minutes', 5400],
    ['1 day', 86_400],
    ['1:12:00:00', 129_600],
    ['1-12:00:00', 129_600],
    ['999h', 3_596_400],
    [' 45 s ', 45]
  ])('reads %j', (text, seconds) => {
    expect(parseWalltime(text)).toBe(seconds);
  });

  it.each([
    '',
    '90',
    '0:00',
    '0m',
    '1:60',
    '1:2:3:4',
    '1-12',
    '1-24:00:00',
    '2h90',
    '1d30',
    '2h3.5',
    '2h 1h',
    '30m 2h',
    '30s5',
    '2 h, 30',
    '1.2.3h',
    '2:30h',
    'h',
    '1y',
    '-1h',
    '1e9h'
  ])('does not guess at %j', text => {
    expect(parseWalltime(text)).toBeNull();
  });

  it('reads what it writes', () => {
    for (const seconds of [1, 59, 60, 3600, 5400, 86_400, 360_061]) {
      expect(parseWalltime(clockLabel(seconds))).toBe(seconds);
    }
  });
});

describe('memory', () => {
  it.each([
    ['4 GB', 4 * 1024 ** 3],
    ['4gb', 4 * 1024 ** 3],
    ['512M', 512 * 1024 ** 2],
    ['1.5 GiB', 1.5 * 1024 ** 3],
    ['100kb', 102_400]
  ])('reads %j', (text, bytes) => {
    expect(parseMemory(text)).toBe(bytes);
    expect(parseMemory(memoryText(bytes))).toBe(bytes);
  });

  it.each(['4', '', 'GB', '0 GB', '-1 GB', '4 XB'])('refuses %j', text => {
    expect(parseMemory(text)).toBeNull();
  });

  it('writes the largest unit that is whole', () => {
    expect(memoryText(1536 * 1024 ** 2)).toBe('1536 MB');
    expect(memoryText(4 * 1024 ** 3)).toBe('4 GB');
  });
});

it.each([
  ['8', 8],
  [' 8 ', 8],
  ['0', null],
  ['1.5', null],
  ['x', null],
  ['', null]
])('reads the count %j', (text, count) => {
  expect(parseCount(text)).toBe(count);
});
