import {
  countLabel,
  libraryName,
  lostEngines,
  mpiSentence,
  sentenceOf,
  stopSentence
} from '../../clusters/words';
import { stageLabel, stageSeconds } from '../../clusters/stageWords';
import { cluster, engine, engines, stages, starting } from '../examples';
import { trans } from '../fakes';

describe('sentenceOf', () => {
  it.each([
    [
      cluster({ engines: engines(8), engines_requested: 8 }),
      'Ready · 8 of 8 engines'
    ],
    [
      cluster({ engines: engines(1), engines_requested: 1 }),
      'Ready · 1 of 1 engine'
    ],
    [cluster({ engines_requested: null }), 'Ready · 4 engines'],
    [starting(), 'Starting · 2 of 4 engines'],
    [
      starting({ engines: [], engines_registered: 3 }),
      'Starting · 3 of 4 engines'
    ],
    [
      cluster({
        state: 'degraded',
        engines: [engine(0), engine(1, { alive: false })]
      }),
      'Degraded · 1 of 4 engines'
    ],
    [cluster({ state: 'submitting' }), 'Submitting'],
    [cluster({ state: 'queued' }), 'Queued'],
    [
      cluster({ state: 'stopping' }),
      'Stopping · waiting for its processes to end'
    ],
    [cluster({ state: 'stopped' }), 'Stopped · nothing of it is running'],
    [cluster({ state: 'failed' }), 'Failed']
  ])('says what %o is doing', (example, sentence) => {
    expect(sentenceOf(example, trans)).toBe(sentence);
  });
});

describe('libraryName', () => {
  it.each([
    ['MPICH Version:      5.0.2', 'MPICH 5.0.2'],
    ['MPICH Version:\t4.2.3\nMPICH Release date: …', 'MPICH 4.2.3'],
    [
      'Open MPI v5.0.8, package: Open MPI root@x Distribution, ident: 5.0.8',
      'Open MPI 5.0.8'
    ],
    ['Intel(R) MPI Library 2021.9 for Linux* OS\0', 'Intel MPI 2021.9']
  ])('shortens %j', (line, name) => {
    expect(libraryName(line)).toBe(name);
  });
});

describe('mpiSentence', () => {
  it('names the library and the size of the world', () => {
    const mpi = {
      size: 8,
      library: 'MPICH Version:      5.0.2',
      mpi4py_version: '4.1.1',
      python_version: '3.11'
    };
    expect(mpiSentence(mpi, trans)).toBe('MPI: MPICH 5.0.2 · one world of 8');
  });
});

describe('stageSeconds', () => {
  const [done, , active, waiting] = stages('done', 'done', 'active');

  it('counts to the end of a stage that is over', () => {
    expect(done && stageSeconds(done, 9999)).toBe(1);
  });

  it('counts to now in a stage that goes on, never below zero', () => {
    expect(active && stageSeconds(active, 1010)).toBe(8);
    expect(active && stageSeconds(active, 900)).toBe(0);
  });

  it('does not count what has not begun', () => {
    expect(waiting && stageSeconds(waiting, 1010)).toBeNull();
  });
});

describe('stageLabel', () => {
  it('counts engines', () => {
    const labels = starting().stages.map(stage =>
      stageLabel(stage, starting(), trans)
    );
    expect(labels).toEqual([
      'Submitted',
      'Controller',
      'Engines · 2 of 4',
      'MPI check'
    ]);
  });
});

describe('lostEngines', () => {
  it('names the ranks that are gone', () => {
    const degraded = cluster({
      engines: [engine(0), engine(3, { alive: false })]
    });
    expect(lostEngines(degraded, trans)).toMatch(/^Lost: rank 3\. The MPI/);
    const two = cluster({
      engines: [engine(1, { alive: false }), engine(5, { alive: false })]
    });
    expect(lostEngines(two, trans)).toMatch(/^Lost: ranks 1, 5\./);
    expect(lostEngines(cluster(), trans)).toBe('');
  });
});

describe('stopSentence', () => {
  it('names what ends', () => {
    expect(stopSentence(cluster(), trans)).toMatch(
      /^This ends the controller and all 4 engines of local\. All variables/
    );
    expect(
      stopSentence(
        starting({ engines_requested: 1, engines: [engine(0)] }),
        trans
      )
    ).toMatch(/1 engine of local/);
    expect(
      stopSentence(
        cluster({
          engines: [],
          engines_registered: 0,
          engines_requested: null
        }),
        trans
      )
    ).toMatch(/whatever engines it has/);
  });
});

describe('countLabel', () => {
  it('is what a status bar has room for', () => {
    expect(countLabel(starting())).toBe('2/4');
    expect(countLabel(cluster({ engines_requested: null }))).toBe('4');
  });
});
