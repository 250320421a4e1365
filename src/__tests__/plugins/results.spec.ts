import { IJupyterWidgetRegistry } from '@jupyter-widgets/base';
import type { IWidgetRegistryData } from '@jupyter-widgets/base';
import type { JupyterFrontEnd } from '@jupyterlab/application';
import {
  RenderMimeRegistry,
  standardRendererFactories
} from '@jupyterlab/rendermime';
import { resultsPlugin } from '../../plugins/results';
import { RUN_MIME_TYPE } from '../../results/contract';

/** Activate the plugin in an application with ipywidgets or without, and return what there is then. */
async function activate(widgets: 'there' | 'disabled' | 'missing'): Promise<{
  rendermime: RenderMimeRegistry;
  registered: IWidgetRegistryData[];
}> {
  const registered: IWidgetRegistryData[] = [];
  const rendermime = new RenderMimeRegistry({
    initialFactories: standardRendererFactories
  });
  const app = {
    hasPlugin: (id: string) =>
      widgets !== 'missing' &&
      id === '@jupyter-widgets/jupyterlab-manager:plugin',
    resolveOptionalService: (token: unknown) =>
      Promise.resolve(
        widgets === 'there' && token === IJupyterWidgetRegistry
          ? {
              registerWidget: (data: IWidgetRegistryData) =>
                registered.push(data)
            }
          : null
      )
  };
  await resultsPlugin.activate(
    app as unknown as JupyterFrontEnd,
    rendermime,
    null
  );
  return { rendermime, registered };
}

describe('results plugin', () => {
  it('registers the widgets where ipywidgets is, loaded when first needed', async () => {
    const { registered } = await activate('there');
    expect(registered).toMatchObject([
      { name: 'jupyterlab-engines', version: '0.1.0' }
    ]);
    const exported = registered[0]?.exports;
    if (typeof exported !== 'function') {
      throw new Error('The widgets are loaded at once');
    }
    expect(Object.keys(await exported())).toEqual([
      'CellRunModel',
      'CellRunView'
    ]);
  });

  it.each(['disabled', 'missing'] as const)(
    'shows runs by their HTML where ipywidgets is %s',
    async widgets => {
      const { rendermime, registered } = await activate(widgets);
      expect(registered).toEqual([]);
      const data = {
        [RUN_MIME_TYPE]: { model_id: 'm' },
        'application/vnd.jupyter.widget-view+json': {},
        'text/html': '<p>as it was</p>'
      };
      expect(rendermime.preferredMimeType(data, 'any')).toBe(RUN_MIME_TYPE);
      // In a notebook that nobody trusts the HTML is shown, made safe.
      expect(rendermime.preferredMimeType(data, 'ensure')).toBe('text/html');
      const renderer = rendermime.createRenderer(RUN_MIME_TYPE);
      await renderer.renderModel(
        rendermime.createModel({ data, trusted: true })
      );
      expect(renderer.node.textContent).toBe('as it was');
      renderer.dispose();
    }
  );
});
