import { StateDB } from '@jupyterlab/statedb';
import { StartModel } from '../../clusters/startModel';
import { profile, starting } from '../examples';
import { Bench, trans } from '../fakes';

describe('StartModel', () => {
  let bench: Bench;
  let stateDB: StateDB;
  let form: StartModel;

  beforeEach(async () => {
    bench = new Bench();
    await bench.connect(
      [],
      [
        profile({ max_engines: 16 }),
        profile({ name: 'tiny', max_engines: 2 }),
        profile({ name: 'broken', startable: false, problem: 'No mpiexec.' })
      ]
    );
    stateDB = new StateDB();
    form = new StartModel({
      manager: bench.model,
      service: bench.service,
      stateDB,
      trans
    });
    await form.restored;
    bench.network.answer = () => ({ status: 202, body: starting() });
  });

  afterEach(() => {
    form.dispose();
    bench.model.dispose();
  });

  it('suggests the first profile and a number that it can start', () => {
    expect(form.profile?.name).toBe('local');
    expect(form.enginesText).toBe('4');
    form.setProfile('tiny');
    expect(form.enginesText).toBe('2');
  });

  it.each([
    ['0', /at least 1/],
    ['-1', /at least 1/],
    ['1.5', /whole number/],
    ['', /whole number/],
    ['eight', /whole number/],
    ['1e3', /whole number/],
    ['17', /local starts at most 16 engines/],
    ['9'.repeat(400), /at most 16/]
  ])('never asks for %s engines', async (text, message) => {
    form.setEnginesText(text);
    expect(form.fieldError).toBeNull();
    expect(await form.submit()).toBe(false);
    expect(form.fieldError).toMatch(message);
    expect(bench.network.requests).toEqual([]);
  });

  describe('while somebody types', () => {
    beforeEach(() => {
      jest.useFakeTimers();
    });

    afterEach(() => {
      jest.useRealTimers();
    });

    it('says what is wrong once nobody types for a moment', () => {
      const changed = jest.fn();
      form.stateChanged.connect(changed);
      form.setEnginesText('1');
      form.setEnginesText('17');
      jest.advanceTimersByTime(500);
      expect(form.fieldError).toBeNull();
      changed.mockClear();
      jest.advanceTimersByTime(200);
      expect(form.fieldError).toMatch(/at most 16/);
      expect(changed).toHaveBeenCalledTimes(1);
    });

    it('judges neither an emptied field nor one of another profile', () => {
      form.setEnginesText('');
      jest.advanceTimersByTime(1000);
      expect(form.fieldError).toBeNull();
      form.setEnginesText('17');
      form.setProfile('tiny');
      jest.advanceTimersByTime(1000);
      expect(form.fieldError).toBeNull();
    });

    it('judges at once what the user has left', () => {
      form.setEnginesText('');
      form.judgeEngines();
      expect(form.fieldError).toMatch(/whole number/);
      expect(jest.getTimerCount()).toBe(0);
    });
  });

  it('chooses a profile that was made, once the server tells of it', () => {
    form.setProfile('tiny');
    form.chooseNew('made');
    expect(form.profile?.name).toBe('tiny');
    bench.tell([], [], { profiles: [profile(), profile({ name: 'made' })] });
    expect(form.profile?.name).toBe('made');
    form.chooseNew('other');
    form.setProfile('local');
    bench.tell([], [], {
      profiles: [profile(), profile({ name: 'other' })]
    });
    expect(form.profile?.name).toBe('local');
    form.chooseNew('other');
    expect(form.profile?.name).toBe('other');
  });

  it('takes the message away as soon as the number is right', async () => {
    form.setEnginesText('0');
    await form.submit();
    form.setEnginesText('');
    expect(form.fieldError).toMatch(/whole number/);
    form.setEnginesText('8');
    expect(form.fieldError).toBeNull();
  });

  it('starts what it says, once', async () => {
    form.setEnginesText(' 8 ');
    const first = form.submit();
    expect(form.isPending).toBe(true);
    expect(await form.submit()).toBe(false);
    expect(await first).toBe(true);
    expect(form.isPending).toBe(false);
    expect(bench.network.requests.map(({ body }) => body)).toMatchObject([
      { profile: 'local', engines: 8 }
    ]);
  });

  it('does not start a profile that cannot be started', async () => {
    form.setProfile('broken');
    expect(await form.submit()).toBe(false);
    expect(bench.network.requests).toEqual([]);
  });

  it('says why a start was refused, until the next one', async () => {
    bench.network.answer = () => ({
      status: 409,
      body: {
        code: 'wrong_state',
        message: 'local is running.',
        next_step: 'Stop it first.',
        detail: null
      }
    });
    expect(await form.submit()).toBe(false);
    expect(form.problem).toEqual({
      message: 'local is running.',
      nextStep: 'Stop it first.',
      detail: null
    });
    bench.network.answer = () => ({ status: 202, body: starting() });
    expect(await form.submit()).toBe(true);
    expect(form.problem).toBeNull();
  });

  it('remembers the number for each profile, beyond a reload', async () => {
    form.setEnginesText('8');
    await form.submit();
    form.setProfile('tiny');
    form.setEnginesText('1');
    await form.submit();

    const reloaded = new StartModel({
      manager: bench.model,
      service: bench.service,
      stateDB,
      trans
    });
    await reloaded.restored;
    expect(reloaded.profile?.name).toBe('tiny');
    expect(reloaded.enginesText).toBe('1');
    reloaded.setProfile('local');
    expect(reloaded.enginesText).toBe('8');
    reloaded.dispose();
  });

  it('does without what it cannot read', async () => {
    await stateDB.save('jupyterlab-engines:start', { engines: { local: 'x' } });
    const reloaded = new StartModel({
      manager: bench.model,
      service: bench.service,
      stateDB,
      trans
    });
    await reloaded.restored;
    expect(reloaded.enginesText).toBe('4');
    reloaded.dispose();
  });

  it('works where nothing can be remembered', async () => {
    const other = new StartModel({
      manager: bench.model,
      service: bench.service,
      stateDB: null,
      trans
    });
    await other.restored;
    expect(await other.submit()).toBe(true);
    other.dispose();
  });
});
