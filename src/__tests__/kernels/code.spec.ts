import { connectLines, mayConnect, PROBE, readProbe } from '../../kernels/code';

describe('connectLines', () => {
  it('are exactly two, and quote a name with spaces', () => {
    expect(connectLines('local')).toBe(
      '%load_ext pxengines\n%engines connect local'
    );
    expect(connectLines('pbs:big-1')).toMatch(/connect pbs:big-1$/);
    expect(connectLines('my profile')).toMatch(/connect "my profile"$/);
  });
});

describe('readProbe', () => {
  const answer = (text: unknown, status = 'ok') => ({
    [PROBE]: { status, data: { 'text/plain': text } }
  });

  it.each([
    [answer("'local'"), 'local'],
    [answer("'my profile:x'"), 'my profile:x'],
    [answer('None'), null],
    [answer('3'), undefined],
    [answer("'a\\'b'"), undefined],
    [answer(undefined), undefined],
    [answer("'local'", 'error'), undefined],
    [{}, undefined],
    [null, undefined],
    ['x', undefined]
  ])('reads %j', (expressions, key) => {
    expect(readProbe(expressions)).toBe(key);
  });
});

describe('mayConnect', () => {
  it.each([
    ['%engines connect local', true],
    ['import pxengines', true],
    ['print("engines")', false]
  ])('%j: %s', (source, result) => {
    expect(mayConnect(source)).toBe(result);
  });
});
