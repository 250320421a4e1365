import { EngineTableModel } from '../../clusters/engineTableModel';
import { cluster } from '../examples';
import { Bench, trans } from '../fakes';

describe('EngineTableModel', () => {
  beforeEach(() => jest.useFakeTimers({ now: 2_000_000 }));
  afterEach(() => jest.useRealTimers());

  it('has a clock that stands still while nobody hears from the server', async () => {
    const bench = new Bench();
    await bench.connect([cluster()], []);
    const model = new EngineTableModel({
      manager: bench.model,
      activity: null,
      trans
    });
    const start = model.now;
    await jest.advanceTimersByTimeAsync(3000);
    expect(model.now - start).toBeCloseTo(3);
    bench.network.last.drop();
    const lostAt = model.now;
    expect(bench.model.link.state).toBe('lost');
    await jest.advanceTimersByTimeAsync(500);
    expect(model.now).toBe(lostAt);
    model.dispose();
    bench.model.dispose();
  });
});
