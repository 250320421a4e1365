import { plainText } from '../plainText';

describe('plainText', () => {
  it('quotes what would be code', () => {
    expect(plainText('Load `mpi`, then `pip install mpich`.')).toBe(
      'Load “mpi”, then “pip install mpich”.'
    );
  });

  it('leaves all else as it is', () => {
    expect(plainText('a lone ` and $1')).toBe('a lone ` and $1');
  });
});
