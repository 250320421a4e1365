import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import * as React from 'react';
import { EditorWidget } from '../../profiles/editor';
import { EditorModel } from '../../profiles/editorModel';
import { EditorView } from '../../profiles/editorView';
import {
  batchProfile,
  preview,
  profileDetail,
  scheduler,
  settings
} from '../examples';
import { Bench, dialogSays, trans, waitUntil } from '../fakes';
import type { IAnswer, IAnswered } from '../fakes';

let bench: Bench;
let model: EditorModel;
/** The profiles that there are. */
let names: string[];

/** The server has this profile, and finds nothing wrong. */
function answer({ method, url }: IAnswered): IAnswer {
  if (url.endsWith('/scheduler')) {
    return {
      status: 200,
      body: { status: scheduler(), queues: [], nodes: [] }
    };
  }
  if (url.endsWith('/preview')) {
    return { status: 200, body: preview() };
  }
  return method === 'DELETE'
    ? { status: 204 }
    : { status: 200, body: profileDetail() };
}

beforeEach(() => {
  names = ['local', 'pbs'];
  bench = new Bench();
  bench.network.answer = answer;
});

afterEach(() => {
  model.dispose();
  bench.model.dispose();
});

function create(name: string | null): EditorModel {
  model = new EditorModel({
    service: bench.service,
    name,
    names: () => names,
    trans
  });
  return model;
}

const asked = (method: string) =>
  bench.network.requests.filter(request => request.method === method);

describe('EditorModel', () => {
  it('reads a profile, changes it and saves it', async () => {
    create('pbs');
    await model.load();
    expect(model.isDirty).toBe(false);
    expect(model.preview.scripts).toEqual(preview().scripts);
    model.setResource('walltime_seconds', '2h');
    expect(model.isDirty).toBe(true);
    expect(await model.save()).toBe(true);
    const [put] = asked('PUT');
    expect(put?.url).toMatch(/profiles\/pbs$/);
    expect(put?.body).toMatchObject({
      create: false,
      settings: { resources: { walltime_seconds: 7200 } }
    });
    expect(model.isDirty).toBe(false);
  });

  it('makes a profile once it has a name', async () => {
    create(null);
    expect(model.obstacle).toMatch(/name/);
    expect(await model.save()).toBe(false);
    model.setName(' mine ');
    expect(await model.save()).toBe(true);
    expect(asked('PUT')[0]).toMatchObject({
      url: expect.stringMatching(/profiles\/mine$/) as string,
      body: { create: true }
    });
    expect(model.name).toBe('mine');
    expect(model.isDirty).toBe(false);
  });

  it('refuses the name of another profile before it is saved', async () => {
    create(null);
    model.setName('pbs');
    expect(model.problems).toMatchObject([{ field: 'name' }]);
    expect(await model.save()).toBe(false);
    expect(asked('PUT')).toEqual([]);
    names = ['local'];
    expect(model.problems).toEqual([]);
  });

  it('tells of a profile that it made, not of one that it changed', async () => {
    const created = jest.fn<unknown, [EditorModel, string]>();
    create(null);
    model.created.connect(created);
    model.setName('mine');
    // The list has it before the reply is here.
    bench.network.answer = request => {
      names = ['local', 'pbs', 'mine'];
      expect(model.problems).toEqual([]);
      return answer(request);
    };
    expect(await model.save()).toBe(true);
    expect(model.problems).toEqual([]);
    model.setResource('walltime_seconds', '2h');
    expect(await model.save()).toBe(true);
    expect(created.mock.calls.map(([, name]) => name)).toEqual(['mine']);
  });

  it('deletes a profile', async () => {
    create('pbs');
    await model.load();
    expect(await model.remove()).toBe(true);
    expect(asked('DELETE').map(({ url }) => url)).toEqual([
      expect.stringMatching(/profiles\/pbs$/)
    ]);
  });

  it('keeps changes that could not be saved, and says why', async () => {
    create('pbs');
    await model.load();
    model.set({ prologue: 'module load mpi' });
    bench.network.answer = () => ({
      status: 403,
      body: {
        code: 'not_writable',
        message: 'The folder cannot be written.',
        next_step: '',
        detail: null
      }
    });
    expect(await model.save()).toBe(false);
    expect(model.problem?.message).toBe('The folder cannot be written.');
    expect(model.isDirty).toBe(true);
  });

  it('shows the script of what the form says, not of what was said before', async () => {
    create('pbs');
    await model.load();
    const text = (engines: number) => ({
      role: 'cluster' as const,
      text: `# ${engines}`,
      diff: null
    });
    bench.network.answer = ({ body }) => ({
      status: 200,
      body: preview({
        scripts: [
          text((body as { settings: { engines: number } }).settings.engines)
        ]
      })
    });
    model.set({ engines: '1' });
    model.set({ engines: '16' });
    expect(model.preview.isStale).toBe(true);
    await waitUntil(() => !model.preview.isStale);
    expect(model.preview.scripts).toEqual([text(16)]);
    expect(asked('POST')).toHaveLength(1);
  });

  it('does not save what the server finds wrong', async () => {
    create('pbs');
    bench.network.answer = request =>
      request.url.endsWith('/profiles/pbs')
        ? {
            status: 200,
            body: profileDetail({
              preview: preview({
                problems: [
                  { field: 'directives[0]', message: 'No.', severity: 'error' }
                ]
              })
            })
          }
        : answer(request);
    await model.load();
    expect(model.obstacle).toBe('No.');
    expect(await model.save()).toBe(false);
    expect(asked('PUT')).toEqual([]);
  });
});

describe('EditorView', () => {
  function show(): { onSave: jest.Mock; onDelete: jest.Mock } {
    const given = { onSave: jest.fn(), onDelete: jest.fn() };
    render(<EditorView model={model} trans={trans} {...given} />);
    return given;
  }

  it('has a field for each setting, and the script', async () => {
    create('pbs');
    await model.load();
    const given = show();
    const value = (name: string) =>
      screen.getByRole<HTMLInputElement>('textbox', { name }).value;
    expect(value('Engines')).toBe('8');
    expect(value('Walltime')).toBe('01:00:00');
    expect(value('Before the engines')).toBe(settings().prologue.join('\n'));
    expect(value('Python')).toBe('"/opt/my python/bin/python"');
    expect(
      within(screen.getByRole('region', { name: 'Script' })).getByLabelText(
        'Script of the job'
      ).textContent
    ).toBe(preview().scripts[0]?.text);
    const own = screen.getByRole('radio', { name: 'In a job of its own' });
    expect(own.getAttribute('aria-describedby')).not.toBeNull();
    await userEvent.click(own);
    expect(model.texts?.placement).toBe('own_job');
    await userEvent.click(screen.getByRole('button', { name: 'Delete…' }));
    expect(given.onDelete).toHaveBeenCalledTimes(1);
  });

  it('lists what old keys are replaced by', async () => {
    create('old');
    bench.network.answer = request =>
      request.url.endsWith('/profiles/old')
        ? {
            status: 200,
            body: profileDetail({
              profile: batchProfile({
                name: 'old',
                kind: 'legacy',
                notes: ['`HubFactory.ip` → controller address']
              }),
              settings: null
            })
          }
        : answer(request);
    await model.load();
    show();
    expect(screen.getByText('HubFactory.ip').tagName).toBe('CODE');
    expect(screen.getByText(/Its templates are used as they are/)).toBeTruthy();
    expect(screen.queryByRole('textbox')).toBeNull();
    expect(screen.queryByRole('button', { name: 'Save' })).toBeNull();
  });

  it('has tabs for two scripts', async () => {
    create('pbs');
    bench.network.answer = request =>
      request.url.endsWith('/profiles/pbs')
        ? {
            status: 200,
            body: profileDetail({
              preview: preview({
                scripts: [
                  { role: 'controller', text: 'one', diff: null },
                  { role: 'engines', text: 'two', diff: null }
                ]
              })
            })
          }
        : answer(request);
    await model.load();
    show();
    expect(screen.getByRole('tabpanel').textContent).toBe('one');
    screen.getByRole('tab', { selected: true }).focus();
    await userEvent.keyboard('{ArrowRight}');
    expect(screen.getByRole('tabpanel').textContent).toBe('two');
    expect(document.activeElement).toBe(
      screen.getByRole('tab', { selected: true })
    );
  });
});

describe('EditorWidget', () => {
  let widget: EditorWidget;

  // Lumino draws when it likes: there is no single action of a test to wrap.
  const react = globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean };

  beforeEach(async () => {
    react.IS_REACT_ACT_ENVIRONMENT = false;
    create('pbs');
    await model.load();
    widget = new EditorWidget(model);
    Widget.attach(widget, document.body);
  });

  afterEach(() => {
    widget.dispose();
    react.IS_REACT_ACT_ENVIRONMENT = true;
  });

  const close = () => {
    MessageLoop.sendMessage(widget, Widget.Msg.CloseRequest);
  };
  /** Press a button of the dialog: jsdom cannot show it as one. */
  const press = async (label: string) => {
    const button = [
      ...document.querySelectorAll<HTMLElement>('.jp-Dialog-button')
    ].find(({ textContent }) => textContent === label);
    await userEvent.click(button ?? document.body);
  };

  it('closes without a question when all is saved', () => {
    close();
    expect(widget.isDisposed).toBe(true);
  });

  it.each([
    ['Discard', 0],
    ['Save', 1]
  ])('asks what becomes of changes: %s', async (button, saved) => {
    model.set({ engines: '4' });
    expect(widget.title.className).toContain('dirty');
    close();
    expect(widget.isDisposed).toBe(false);
    await dialogSays(/“pbs” were changed and not saved/);
    await press(button);
    await waitUntil(() => widget.isDisposed);
    expect(asked('PUT')).toHaveLength(saved);
  });

  it('stays open if the user cancels', async () => {
    model.set({ engines: '4' });
    close();
    await dialogSays(/not saved/);
    await press('Cancel');
    await waitUntil(() => document.querySelector('.jp-Dialog') === null);
    expect(widget.isDisposed).toBe(false);
    expect(model.isDirty).toBe(true);
  });

  it('deletes once the user has confirmed', async () => {
    await waitUntil(() => screen.queryByText('Delete…') !== null);
    await userEvent.click(screen.getByText('Delete…'));
    await dialogSays(/go on/);
    await press('Delete');
    await waitUntil(() => widget.isDisposed);
    expect(asked('DELETE')).toHaveLength(1);
  });
});
