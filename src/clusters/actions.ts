import { Notification } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Cluster, Resources } from '../api/generated';
import type {
  Connection,
  IClusterManager,
  IEngineConnector,
  IEngineViewer,
  ILogViewer
} from '../tokens';
import {
  askEngines,
  chooseCluster,
  chooseProfile,
  confirmRestart,
  confirmStop,
  explain
} from './dialogs';
import type { IConcerned } from './dialogs';
import { plainText } from '../plainText';
import { problemLine, problemOf } from '../problem';
import { checkEngines } from './engineCount';
import { isInOurHands, isLive, isUsable } from './words';

/**
 * What a user can ask for, from a card, a menu or the palette: asks for what was left out,
 * confirms what destroys, and tells what did not work.
 */
export class ClusterActions {
  constructor(options: ClusterActions.IOptions) {
    this._manager = options.manager;
    this._connector = options.connector;
    this._logs = options.logs;
    this._engines = options.engines;
    this._trans = options.trans;
  }

  /**
   * Start a cluster.
   *
   * @param resources - What its job asks for; null: as the profile proposes.
   */
  async start(
    profileName?: string,
    engines?: number,
    resources: Resources | null = null
  ): Promise<void> {
    const trans = this._trans;
    const startable = this._manager.profiles.filter(p => p.startable);
    if (startable.length === 0) {
      await explain(
        trans.__('Start Engines'),
        trans.__(
          'There is no profile that engines can be started from. The Engines panel says why.'
        ),
        null,
        trans
      );
      return;
    }
    const name = profileName ?? (await chooseProfile(startable, trans));
    if (name === null) {
      return;
    }
    const profile = this._manager.profiles.find(p => p.name === name);
    if (profile === undefined) {
      Notification.error(trans.__('There is no profile named %1.', name));
      return;
    }
    const text =
      engines === undefined
        ? await askEngines(
            profile,
            String(Math.min(profile.engines ?? 4, profile.max_engines)),
            typed => checkEngines(typed, profile, trans).message,
            trans
          )
        : String(engines);
    if (text === null) {
      return;
    }
    const checked = checkEngines(text, profile, trans);
    if (checked.engines === null) {
      Notification.error(checked.message ?? '');
      return;
    }
    const { engines: count } = checked;
    await this._try(() => this._manager.start(profile.name, count, resources));
  }

  /** Stop a cluster, once the user has confirmed what ends. */
  async stop(key?: string): Promise<boolean> {
    const trans = this._trans;
    const cluster = await this._choose(
      key,
      isLive,
      trans.__('Stop Engines'),
      trans.__('No engines are running.')
    );
    if (
      cluster === null ||
      !(await confirmStop(
        cluster,
        this._concernedBy(cluster.key),
        this._manager.serverNow(),
        trans
      ))
    ) {
      return false;
    }
    return this._try(() => this._manager.stop(cluster.key));
  }

  /** Start a cluster again with its profile and number of engines; stops it first if it lives. */
  async restart(key?: string): Promise<void> {
    const trans = this._trans;
    const cluster = await this._choose(
      key,
      () => true,
      trans.__('Start Cluster Again'),
      trans.__('There is no cluster to start again.')
    );
    if (cluster === null) {
      return;
    }
    if (isLive(cluster)) {
      if (!(await this.stop(cluster.key))) {
        return;
      }
      if (!(await this._whenStopped(cluster))) {
        return;
      }
    }
    await this.start(
      cluster.profile,
      cluster.engines_requested ?? undefined,
      cluster.batch?.resources ?? null
    );
  }

  /** Interrupt what engines do: nothing is lost, so nothing is asked. */
  async interrupt(key?: string): Promise<void> {
    const trans = this._trans;
    const cluster = await this._choose(
      key,
      isInOurHands,
      trans.__('Interrupt Engines'),
      trans.__('No engines that this panel started are ready.')
    );
    if (cluster !== null) {
      await this._try(() => this._manager.interrupt(cluster.key));
    }
  }

  /** End all engines of a cluster and start them anew, once the user has confirmed what is lost. */
  async restartEngines(key?: string): Promise<void> {
    const trans = this._trans;
    const cluster = await this._choose(
      key,
      isInOurHands,
      trans.__('Restart Engines'),
      trans.__('No engines that this panel started are ready.')
    );
    if (
      cluster !== null &&
      (await confirmRestart(cluster, this._concernedBy(cluster.key), trans))
    ) {
      await this._try(() => this._manager.restartEngines(cluster.key));
    }
  }

  /** Show the table of a cluster's engines. */
  async showEngines(key?: string): Promise<void> {
    const trans = this._trans;
    const cluster = await this._choose(
      key,
      c => c.engines.length > 0,
      trans.__('Engine Table'),
      trans.__('There are no engines.')
    );
    if (cluster !== null) {
      this._engines?.open(cluster.key);
    }
  }

  /** Forget a cluster that has ended. */
  async dismiss(key?: string): Promise<void> {
    const trans = this._trans;
    const cluster = await this._choose(
      key,
      c => !isLive(c),
      trans.__('Dismiss Cluster'),
      trans.__('There is no stopped or failed cluster to dismiss.')
    );
    if (cluster !== null) {
      await this._try(() => this._manager.dismiss(cluster.key));
    }
  }

  /** Connect the notebook with that path, or the current one. */
  async connect(key?: string, path?: string): Promise<void> {
    const trans = this._trans;
    const cluster = await this._choose(
      key,
      isUsable,
      trans.__('Connect Notebook to Engines'),
      trans.__(
        'No engines are ready. Start some in the Engines panel, and wait until their card says Ready.'
      )
    );
    if (cluster !== null) {
      await this._connector?.connect(cluster.key, path);
    }
  }

  /** Show the logs of a cluster. */
  async showLog(key?: string): Promise<void> {
    const trans = this._trans;
    const cluster = await this._choose(
      key,
      () => true,
      trans.__('Engine Logs'),
      trans.__('There is no cluster, so there is no log.')
    );
    if (cluster !== null) {
      this._logs?.open(cluster.key);
    }
  }

  /** Return the cluster that was asked for or that the user picks; null if there is none. */
  private async _choose(
    key: string | undefined,
    fits: (cluster: Cluster) => boolean,
    title: string,
    none: string
  ): Promise<Cluster | null> {
    const trans = this._trans;
    if (key !== undefined) {
      const asked = this._manager.get(key);
      if (asked === undefined) {
        Notification.error(trans.__('There is no cluster named %1.', key));
        return null;
      }
      return asked;
    }
    const candidates = this._manager.clusters.filter(fits);
    if (candidates.length === 0) {
      await explain(title, none, null, trans);
      return null;
    }
    const chosen = await chooseCluster(candidates, title, trans);
    return chosen === null ? null : (this._manager.get(chosen) ?? null);
  }

  /** Resolve when that run of a cluster has ended: with whether it can be started again. */
  private async _whenStopped({ key, run_id }: Cluster): Promise<boolean> {
    const manager = this._manager;
    return new Promise(resolve => {
      const check = () => {
        const now = manager.get(key);
        if (now?.run_id !== run_id || !isLive(now)) {
          manager.changed.disconnect(check, this);
          resolve(now?.run_id === run_id && now.state === 'stopped');
        }
      };
      manager.changed.connect(check, this);
      check();
    });
  }

  private _concernedBy(key: string): IConcerned {
    const namesOf = (concerns: (connection: Connection) => boolean) =>
      (this._connector?.notebooks ?? [])
        .filter(({ connection }) => concerns(connection))
        .map(({ path }) => PathExt.basename(path));
    return {
      connected: namesOf(
        connection => connection.state === 'connected' && connection.key === key
      ),
      unknown: namesOf(({ state }) => state === 'unknown')
    };
  }

  /** Do it, and tell if it did not work. */
  private async _try(action: () => Promise<unknown>): Promise<boolean> {
    try {
      await action();
      return true;
    } catch (error) {
      const trans = this._trans;
      Notification.error(
        plainText(problemLine(problemOf(error, trans), trans)),
        {
          autoClose: false
        }
      );
      return false;
    }
  }

  private readonly _manager: IClusterManager;
  private readonly _connector: IEngineConnector | null;
  private readonly _logs: ILogViewer | null;
  private readonly _engines: IEngineViewer | null;
  private readonly _trans: TranslationBundle;
}

export namespace ClusterActions {
  export interface IOptions {
    manager: IClusterManager;
    /** Null where there are no notebooks. */
    connector: IEngineConnector | null;
    logs: ILogViewer | null;
    engines: IEngineViewer | null;
    trans: TranslationBundle;
  }
}
