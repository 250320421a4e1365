import {
  readTexts,
  resourcesSummary,
  textsOf,
  NO_RESOURCES
} from '../../profiles/resources';
import {
  joinWords,
  NEW_SETTINGS,
  readSettings,
  settingsTexts,
  splitWords
} from '../../profiles/settings';
import { resources, settings } from '../examples';
import { trans } from '../fakes';

describe('resources', () => {
  it('are read as they were written', () => {
    for (const example of [NO_RESOURCES, resources()]) {
      expect(readTexts(textsOf(example), trans)).toEqual({
        resources: example,
        problems: []
      });
    }
  });

  it('say at each field what cannot be read', () => {
    const { problems } = readTexts(
      {
        ...textsOf(NO_RESOURCES),
        walltime_seconds: '90',
        nodes: 'two',
        memory_bytes: '4'
      },
      trans
    );
    expect(problems.map(({ field }) => field)).toEqual([
      'resources.walltime_seconds',
      'resources.nodes',
      'resources.memory_bytes'
    ]);
  });

  it('are told in one line', () => {
    expect(resourcesSummary(resources(), trans)).toBe(
      'default · 2 nodes · 1 h · 4 GB'
    );
    expect(resourcesSummary(NO_RESOURCES, trans)).toBe(
      'default queue · queue’s walltime'
    );
  });
});

describe('settings', () => {
  it('are read as they were written', () => {
    for (const example of [NEW_SETTINGS, settings()]) {
      expect(readSettings(settingsTexts(example), trans)).toEqual({
        settings: example,
        problems: []
      });
    }
  });

  it('are none as long as something cannot be read', () => {
    const read = readSettings(
      { ...settingsTexts(settings()), engines: '', mpi_args: '-x "a' },
      trans
    );
    expect(read.settings).toBeNull();
    expect(read.problems.map(({ field }) => field)).toEqual([
      'engines',
      'mpi_args'
    ]);
  });
});

describe('command lines', () => {
  it.each([
    ['', []],
    [' mpiexec  -n 2 ', ['mpiexec', '-n', '2']],
    ['a "b c" \'d "e\'', ['a', 'b c', 'd "e']],
    ['a\\ b ""', ['a b', '']],
    ['"a\\"b"', ['a"b']]
  ])('split %j', (text, words) => {
    expect(splitWords(text)).toEqual(words);
    expect(splitWords(joinWords(words))).toEqual(words);
  });

  it('are not guessed at where a quotation mark is open', () => {
    expect(splitWords('a "b')).toBeNull();
  });
});
