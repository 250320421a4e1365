import { PanelModel } from '../../clusters/panelModel';
import { cluster, failed, starting } from '../examples';
import { Bench, trans } from '../fakes';

describe('PanelModel', () => {
  let bench: Bench;
  let panel: PanelModel;
  let changed: jest.Mock;

  beforeEach(async () => {
    bench = new Bench();
    await bench.connect([], []);
    panel = new PanelModel({
      manager: bench.model,
      service: bench.service,
      jobs: null,
      connector: null,
      stateDB: null,
      trans
    });
    changed = jest.fn();
    panel.stateChanged.connect(changed);
    jest.useFakeTimers();
  });

  afterEach(() => {
    panel.dispose();
    bench.model.dispose();
    jest.useRealTimers();
  });

  /** Return how often the panel is drawn in ten seconds in which nothing happens. */
  function ticks(): number {
    changed.mockClear();
    jest.advanceTimersByTime(10_000);
    return changed.mock.calls.length;
  }

  it('ticks each second while something moves and somebody looks', () => {
    panel.isVisible = true;
    expect(ticks()).toBe(0);
    bench.tell([starting()]);
    expect(ticks()).toBe(10);
    panel.isVisible = false;
    expect(ticks()).toBe(0);
    panel.isVisible = true;
    expect(ticks()).toBe(10);
    bench.tell([cluster()]);
    expect(ticks()).toBe(0);
  });

  it('announces each new state once, not each engine', () => {
    bench.tell([starting({ engines: [], engines_registered: 0 })]);
    expect(panel.announcement).toBe('local: Starting · 0 of 4 engines');
    bench.tell([starting()]);
    expect(panel.announcement).toBe('local: Starting · 0 of 4 engines');
    bench.tell([cluster()]);
    expect(panel.announcement).toBe('local: Ready · 4 of 4 engines');
    bench.tell([failed()]);
    expect(panel.announcement).toBe('local: Failed');
  });

  it('stops ticking when disposed', () => {
    panel.isVisible = true;
    bench.tell([starting()]);
    panel.dispose();
    expect(ticks()).toBe(0);
    bench.tell([cluster()]);
    expect(changed).not.toHaveBeenCalled();
  });
});
