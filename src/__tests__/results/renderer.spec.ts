import { MimeModel } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';
import { RUN_MIME_TYPE } from '../../results/contract';
import { LiveRuns } from '../../results/liveRuns';
import { RunRenderer } from '../../results/renderer';
import { waitUntil } from '../fakes';
import { SimulatedRun, block, tools } from './runs';

function output(
  id: string | null,
  html: string | null,
  trusted = true
): MimeModel {
  return new MimeModel({
    trusted,
    data: {
      [RUN_MIME_TYPE]: id === null ? {} : { model_id: id },
      ...(html === null ? {} : { 'text/html': html })
    }
  });
}

describe('RunRenderer', () => {
  const given = tools();
  let runs: LiveRuns;
  let renderer: RunRenderer;

  beforeEach(() => {
    runs = new LiveRuns();
    renderer = new RunRenderer(runs, given);
    Widget.attach(renderer, document.body);
  });

  afterEach(() => renderer.dispose());
  afterAll(() => given.queue.dispose());

  const text = () => renderer.node.textContent;

  it('shows a run that is there live', async () => {
    const run = new SimulatedRun();
    runs.add('m', run.model);
    await renderer.renderModel(output('m', '<p>as it was</p>'));
    await waitUntil(() => text().includes('Running on 4 engines'));
    expect(text()).not.toContain('as it was');

    // The kernel gives the output a newer stand-in: nothing is drawn anew.
    const section = renderer.node.querySelector('section');
    await renderer.renderModel(output('m', '<p>newer</p>'));
    expect(renderer.node.querySelector('section')).toBe(section);

    run.model.update({ state: 'done', states: 'dddd' });
    await waitUntil(() => text().includes('Done on 4 engines'));
    // A kernel that goes takes nothing along.
    runs.remove('m', run.model);
    run.model.setConnected(false);
    expect(text()).toContain('Done on 4 engines');
  });

  it('shows what stands in for a run until it comes', async () => {
    await renderer.renderModel(output('m', '<p>as it was</p>'));
    expect(text()).toBe('as it was');
    await renderer.renderModel(output('m', '<p>later</p>'));
    expect(text()).toBe('later');
    runs.add('other', new SimulatedRun().model);
    expect(text()).toBe('later');
    runs.add('m', new SimulatedRun().model);
    await waitUntil(() => text().includes('Running on 4 engines'));
    expect(text()).not.toContain('later');
  });

  it('draws rich output also of a run that comes while it is off the page', async () => {
    Widget.detach(renderer);
    const data = { 'text/html': '<b>bold</b>' };
    const run = new SimulatedRun({ blocks: [block({ text: null, data })] });
    runs.add('m', run.model);
    await renderer.renderModel(output('m', null));
    run.model.update({ state: 'done', states: 'dddd' });
    // Time for what must not be drawn yet.
    await new Promise(resolve => setTimeout(resolve, 50));
    Widget.attach(renderer, document.body);
    await waitUntil(() => renderer.node.querySelector('b') !== null);
  });

  it('shows what stands in for a run of which the kernel has nothing any more', async () => {
    const run = new SimulatedRun();
    runs.add('m', run.model);
    await renderer.renderModel(output('m', null));
    await waitUntil(() => text().includes('Running on 4 engines'));
    runs.remove('m', run.model);
    await renderer.renderModel(output('m', '<p>how it went on</p>'));
    expect(text()).toBe('how it went on');
  });

  it('shows the run of a new connection instead of the old one', async () => {
    runs.add('m', new SimulatedRun({ label: 'old' }).model);
    await renderer.renderModel(output('m', null));
    await waitUntil(() => text().includes('old'));
    runs.add('m', new SimulatedRun({ label: 'new' }).model);
    await waitUntil(() => text().includes('new'));
    expect(renderer.widgets).toHaveLength(1);
  });

  it('trusts what stands in no more than the output', async () => {
    const html = '<p>safe</p><img src="x" onerror="alert(1)">';
    await renderer.renderModel(output(null, html, false));
    expect(text()).toBe('safe');
    expect(renderer.node.querySelector('[onerror]')).toBeNull();
  });

  it('is empty where there is nothing to show', async () => {
    await renderer.renderModel(output('m', null));
    expect(text()).toBe('');
    renderer.dispose();
    runs.add('m', new SimulatedRun().model);
    expect(renderer.isDisposed).toBe(true);
    expect(text()).toBe('');
  });
});
