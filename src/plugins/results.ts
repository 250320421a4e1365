import type { ExportMap } from '@jupyter-widgets/base';
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import {
  RUN_MIME_TYPE,
  WIDGET_MODULE,
  WIDGET_VERSION
} from '../results/contract';
import { LiveRuns } from '../results/liveRuns';
import { RunRenderer } from '../results/renderer';
import { WorkQueue } from '../results/workQueue';

/** The part of ipywidgets that gives widgets their managers. */
const WIDGETS_PLUGIN = '@jupyter-widgets/jupyterlab-manager:plugin';

/** Before ipywidgets' own outputs, which are at -10. */
const RANK = -20;

/** Shows cells that run on engines, in notebooks and consoles. */
export const resultsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-engines:results',
  description: 'Shows live how a cell does on engines.',
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    rendermime: IRenderMimeRegistry,
    translator: ITranslator | null
  ): Promise<void> => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_engines');
    const runs = new LiveRuns();
    const queue = new WorkQueue();
    rendermime.addFactory(
      {
        safe: false,
        mimeTypes: [RUN_MIME_TYPE],
        createRenderer: ({ resolver, linkHandler }) =>
          new RunRenderer(runs, {
            rendermime: rendermime.clone({
              resolver: resolver ?? undefined,
              linkHandler: linkHandler ?? undefined
            }),
            queue,
            trans
          })
      },
      RANK
    );
    return registerWidgets(app, async () => {
      const { runWidgets } = await import('../results/ipywidget');
      return runWidgets(runs, { rendermime, queue, trans });
    });
  }
};

/**
 * Register the widgets where ipywidgets is.
 *
 * #### Notes
 * Its token cannot stand in `optional`: it is an object of ipywidgets' own package, which is
 * not in the page without ipywidgets, and an import that fails would take all plugins along.
 */
async function registerWidgets(
  app: JupyterFrontEnd,
  load: () => Promise<ExportMap>
): Promise<void> {
  if (!app.hasPlugin(WIDGETS_PLUGIN)) {
    return; // Runs are shown by their outputs' HTML.
  }
  const { IJupyterWidgetRegistry } = await import('@jupyter-widgets/base');
  const registry = await app.resolveOptionalService(IJupyterWidgetRegistry);
  registry?.registerWidget({
    name: WIDGET_MODULE,
    version: WIDGET_VERSION,
    exports: load
  });
}
