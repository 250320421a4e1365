import { MimeModel } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Panel } from '@lumino/widgets';
import { RUN_MIME_TYPE, readModelId } from './contract';
import type { LiveRuns } from './liveRuns';
import type { IOutputTools } from './outputs';
import { RunWidget } from './runWidget';

/**
 * Shows an output that is a run: live where its model is, otherwise by the output's own HTML.
 *
 * #### Notes
 * ipywidgets' renderer of its own outputs shows an error instead when the model is gone, and
 * JupyterLab then never looks at what else is in the output; so runs come with a type of
 * their own.
 */
export class RunRenderer extends Panel implements IRenderMime.IRenderer {
  constructor(runs: LiveRuns, tools: IOutputTools) {
    super();
    this._runs = runs;
    this._tools = tools;
    this.addClass('jp-Engines-ResultHost');
    runs.added.connect(this._onAdded, this);
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._runs.added.disconnect(this._onAdded, this);
      super.dispose();
    }
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this._model = model;
    const id = readModelId(model.data[RUN_MIME_TYPE]);
    const run = id === null ? undefined : this._runs.get(id);
    if (run !== undefined && id === this._shown) {
      return; // Only what stands in for it has changed.
    }
    if (run !== undefined) {
      this._clear();
      this._shown = id;
      this.addWidget(new RunWidget(run, this._tools));
      return;
    }
    await this._renderStatic(model);
  }

  private async _renderStatic(model: IRenderMime.IMimeModel): Promise<void> {
    const { rendermime } = this._tools;
    const rest = Object.fromEntries(
      Object.entries(model.data).filter(([name]) => name !== RUN_MIME_TYPE)
    );
    const mimeType = rendermime.preferredMimeType(
      rest,
      model.trusted ? 'any' : 'ensure'
    );
    this._clear();
    if (mimeType === undefined) {
      return;
    }
    const renderer = rendermime.createRenderer(mimeType);
    this.addWidget(renderer);
    await renderer.renderModel(
      new MimeModel({
        data: rest,
        metadata: { ...model.metadata },
        trusted: model.trusted
      })
    );
  }

  private _clear(): void {
    this._shown = null;
    [...this.widgets].forEach(widget => widget.dispose());
  }

  private _onAdded(_: LiveRuns, id: string): void {
    if (
      this._model !== null &&
      id === readModelId(this._model.data[RUN_MIME_TYPE])
    ) {
      // The model of a page's second connection to its kernel is another one.
      this._shown = null;
      void this.renderModel(this._model);
    }
  }

  private readonly _runs: LiveRuns;
  private readonly _tools: IOutputTools;
  private _model: IRenderMime.IMimeModel | null = null;
  /** The run that is shown live; null: none. */
  private _shown: string | null = null;
}
