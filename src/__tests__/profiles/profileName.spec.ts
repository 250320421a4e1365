import { nullTranslator } from '@jupyterlab/translation';

import { nameProblems } from '../../profiles/profileName';

const trans = nullTranslator.load('jupyterlab_engines');

describe('nameProblems', () => {
  it.each(['pbs', 'Käse 2', 'a.b', 'x'.repeat(64), '_1', ''])(
    'takes %p',
    name => {
      expect(nameProblems(name, ['taken'], trans)).toEqual([]);
    }
  );

  it.each(['.', '..', 'a..b', 'a/b', '-x', 'x'.repeat(65), 'a\nb', 'local'])(
    'refuses %p at its field',
    name => {
      expect(nameProblems(name, ['taken'], trans)).toMatchObject([
        { field: 'name', severity: 'error' }
      ]);
    }
  );

  it('refuses the name of a profile that there is', () => {
    expect(nameProblems('taken', ['taken'], trans)).toEqual([
      {
        field: 'name',
        message: 'There is a profile `taken` already: choose another name.',
        severity: 'error'
      }
    ]);
  });
});
