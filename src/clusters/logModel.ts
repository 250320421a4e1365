import type { TranslationBundle } from '@jupyterlab/translation';
import { VDomModel } from '@jupyterlab/ui-components';
import type { ClusterLog } from '../api/generated';
import type { IClusterChange, IClusterManager } from '../tokens';
import { problemOf } from '../problem';
import type { IProblem } from '../problem';

/** As much as helps to find a cause; the file on disk has all of it. */
const LINES = 1000;

/** One log of a cluster, read when asked for and when the cluster changes its state. */
export class LogModel extends VDomModel {
  constructor(options: LogModel.IOptions) {
    super();
    this.key = options.key;
    this.trans = options.trans;
    this._manager = options.manager;
    this._manager.clusterChanged.connect(this._onClusterChanged, this);
    void this.refresh();
  }

  readonly key: string;
  readonly trans: TranslationBundle;

  get source(): ClusterLog['source'] {
    return this._source;
  }

  /** What was read last; null before anything was. */
  get log(): ClusterLog | null {
    return this._log;
  }

  get problem(): IProblem | null {
    return this._problem;
  }

  get isLoading(): boolean {
    return this._request !== null;
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._manager.clusterChanged.disconnect(this._onClusterChanged, this);
    super.dispose();
  }

  async setSource(source: ClusterLog['source']): Promise<void> {
    if (source !== this._source) {
      this._source = source;
      this._log = null;
      await this.refresh();
    }
  }

  /** Read it again. What was read before stays until there is something newer. */
  async refresh(): Promise<void> {
    const request = this._manager.log(this.key, this._source, LINES);
    this._request = request;
    this.stateChanged.emit();
    try {
      const log = await request;
      if (this._request === request) {
        this._log = log;
        this._problem = null;
      }
    } catch (error) {
      if (this._request === request) {
        this._problem = problemOf(error, this.trans);
      }
    } finally {
      // An answer that a later question has overtaken is not shown.
      if (this._request === request) {
        this._request = null;
        if (!this.isDisposed) {
          this.stateChanged.emit();
        }
      }
    }
  }

  private _onClusterChanged(
    _: IClusterManager,
    { key, previous, current }: IClusterChange
  ): void {
    if (
      key === this.key &&
      current !== null &&
      current.state !== previous?.state
    ) {
      void this.refresh();
    }
  }

  private readonly _manager: IClusterManager;
  private _source: ClusterLog['source'] = 'engines';
  private _log: ClusterLog | null = null;
  private _problem: IProblem | null = null;
  private _request: Promise<ClusterLog> | null = null;
}

export namespace LogModel {
  export interface IOptions {
    key: string;
    manager: IClusterManager;
    trans: TranslationBundle;
  }
}
