import { findProfile } from '../../kernels/profileCell';

describe('findProfile', () => {
  it.each([
    ["profile = 'local'", 'local'],
    ['profile="pbs"', 'pbs'],
    ["profile = 'my pbs'  # on the cluster", 'my pbs'],
    ["import numpy\nprofile = 'local'\nn = 8", 'local'],
    ["profile = ''", '']
  ])('finds the name in %j', (source, name) => {
    const found = findProfile(source);
    expect(found?.name).toBe(name);
    expect(source.slice(found?.start, found?.end)).toBe(name);
  });

  it.each([
    'profile = name',
    "profile = 'a' + b",
    "profile = f'{a}'",
    "profile = 'a\\'b'",
    "profile == 'local'",
    "    profile = 'local'",
    "# profile = 'local'",
    "my_profile = 'local'",
    "ipp.Client(profile='local')",
    "profile = 'a', 'b'",
    "%%bash\nprofile='local'",
    ''
  ])('leaves %j alone', source => {
    expect(findProfile(source)).toBeNull();
  });
});
