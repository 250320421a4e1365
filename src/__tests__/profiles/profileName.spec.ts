import { nullTranslator } from '@jupyterlab/translation';

import { nameProblems } from '../../profiles/profileName';

const trans = nullTranslator.load('jupyterlab_engines');

describe('nameProblems', () => {
  it.each(['pbs', 'Käse 2', 'a.b', 'x'.repeat(64), '_1', ''])(
    'takes %p',
    name => {
      expect(nameProblems(name, trans)).toEqual([]);
    }
  );

  it.each(['.', '..', 'a..b', 'a/b', '-x', 'x'.repeat(65), 'a\nb', 'local'])(
    'refuses %p at its field',
    name => {
      expect(nameProblems(name, trans)).toMatchObject([
        { field: 'name', severity: 'error' }
      ]);
    }
  );
});
