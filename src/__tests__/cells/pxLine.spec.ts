import { edited, findPx, insertPx, obstacleOf } from '../../cells/pxLine';
import type { IRemoved } from '../../cells/pxLine';

/** Take the line out, as the toggle does. */
function without(source: string): { rest: string; removed: IRemoved } {
  const edit = findPx(source);
  if (edit === null) {
    throw new Error(`No %%px in ${JSON.stringify(source)}`);
  }
  return {
    rest: edited(source, edit),
    removed: {
      before: source.slice(0, edit.start),
      line: source.slice(edit.start, edit.end)
    }
  };
}

const CELLS = [
  '',
  '\n',
  'x = 1',
  'x = 1\n',
  '\n\n  \nx = 1\n\ny = 2\n',
  '  x = 1',
  '# note\nx = 1',
  '%%time\nx = 1',
  '%%bash\necho %%px',
  'print("""\n%%px\n""")',
  '# 多 😀\nx'
];

const ON = [
  '%%px',
  '%%px\n',
  '%%px\nx = 1',
  '%%px --targets 0-3 --noblock\nx = 1\n',
  '\n  \n%%px --block\n\nx = 1',
  '  %%px\n  x = 1',
  '%%time\n%%px\nx = 1',
  '%%capture out\n\n%%px --block\nx',
  '%%px\n%%time\nx = 1',
  '%%px\r\nx = 1'
];

describe('the line %%px', () => {
  it.each(CELLS)('is put above %j, and gone without a trace', source => {
    expect(findPx(source)).toBeNull();
    const on = edited(source, insertPx(source, null));
    expect(on).toBe(`%%px\n${source}`);
    expect(without(on).rest).toBe(source);
  });

  it.each(ON)('is taken out of %j, and comes back as it was', source => {
    const { rest, removed } = without(source);
    expect(findPx(rest)).toBeNull();
    expect(edited(rest, insertPx(rest, removed))).toBe(source);
  });

  it('comes back with its flags where the rest has changed', () => {
    const { removed } = without('\n%%px --targets 0\nx = 1');
    expect(edited('\ny = 2', insertPx('\ny = 2', removed))).toBe(
      '\n%%px --targets 0\ny = 2'
    );
    expect(edited('z', insertPx('z', removed))).toBe('%%px\nz');
    // It was the last line, and has something below now.
    expect(edited('x', insertPx('x', without('%%px -n').removed))).toBe(
      '%%px -n\nx'
    );
  });

  it.each([
    '%%pxfoo\nx',
    '%%px_a\nx',
    '%%px?',
    '%px x = 1',
    '# why\n%%px\nx',
    '%%bash\n%%px\nls',
    'x\n%%px'
  ])('is not what %j has', source => {
    expect(findPx(source)).toBeNull();
  });

  it.each([
    ['%%px_a\nx', 'other-view', '%%px_a'],
    ['a = 1\n%px b = 2', 'kernel-magic', '%px'],
    ['status = %px b = 2', 'kernel-magic', '%px'],
    [
      '%load_ext  pxengines\n%engines connect local',
      'kernel-magic',
      '%load_ext pxengines'
    ],
    ['%engines', 'kernel-magic', '%engines'],
    ['%autopx', 'kernel-magic', '%autopx'],
    ['  %pxresult 2', 'kernel-magic', '%pxresult'],
    ['total = %psum b', 'kernel-magic', '%psum']
  ])('cannot be put above %j', (source, type, magic) => {
    expect(obstacleOf(source)).toEqual({ type, magic });
  });

  it.each([...CELLS, 'a %px', "'%engines'", '%matplotlib inline', '%enginesx'])(
    'can be put above %j',
    source => {
      expect(obstacleOf(source)).toBeNull();
    }
  );
});
