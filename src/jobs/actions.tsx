import {
  Dialog,
  Notification,
  ReactWidget,
  showDialog
} from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Cluster, Job } from '../api/generated';
import { plainText } from '../plainText';
import { problemLine, problemOf } from '../problem';
import { ProblemView } from '../problemView';
import type { IClusterManager, IJobStore } from '../tokens';
import { allowedActions } from './allowed';
import type { JobAction } from './allowed';
import { askWalltime, chooseJob, confirmDelete } from './dialogs';

/**
 * What a user can ask of a job, from a row, a menu or the palette: asks for what was left out,
 * confirms what destroys, and tells what did not work.
 */
export class JobActions {
  constructor(options: JobActions.IOptions) {
    this._store = options.store;
    this._manager = options.manager;
    this._trans = options.trans;
  }

  /** Keep a job from starting. */
  async hold(jobId?: string): Promise<void> {
    const trans = this._trans;
    const job = await this._choose('hold', jobId, trans.__('Hold Job'));
    if (job !== null) {
      await this._try(() => this._store.hold(job.job_id));
    }
  }

  /** Let a held job start. */
  async release(jobId?: string): Promise<void> {
    const trans = this._trans;
    const job = await this._choose('release', jobId, trans.__('Release Job'));
    if (job !== null) {
      await this._try(() => this._store.release(job.job_id));
    }
  }

  /** Delete a job, once the user has confirmed what ends. */
  async delete(jobId?: string): Promise<void> {
    const trans = this._trans;
    const job = await this._choose('delete', jobId, trans.__('Delete Job'));
    if (job === null) {
      return;
    }
    const subjobs = [...this._store.jobs.values()].filter(
      other => other.array_id === job.job_id && other.state !== 'finished'
    );
    if (
      await confirmDelete(
        job,
        subjobs,
        this._clusterOf(job),
        this._manager.serverNow(),
        trans
      )
    ) {
      await this._try(() => this._store.delete(job.job_id));
    }
  }

  /** Change how long a job may run. */
  async alterWalltime(jobId?: string): Promise<void> {
    const trans = this._trans;
    const job = await this._choose(
      'alter_walltime',
      jobId,
      trans.__('Change Walltime')
    );
    if (job === null) {
      return;
    }
    const seconds = await askWalltime(job, trans);
    if (seconds !== null && seconds !== job.walltime_seconds) {
      await this._try(() => this._store.alterWalltime(job.job_id, seconds));
    }
  }

  /** Have the scheduler asked soon. */
  async refresh(): Promise<void> {
    await this._try(() => this._store.refresh());
  }

  /** Whether there is a job to which this can be done. */
  can(action: JobAction, jobId?: string): boolean {
    return jobId === undefined
      ? this._candidates(action).length > 0
      : this._allows(action, this._store.jobs.get(jobId));
  }

  private _allows(action: JobAction, job: Job | undefined): boolean {
    return (
      job !== undefined &&
      allowedActions(job, this._store.scheduler).includes(action)
    );
  }

  private _candidates(action: JobAction): Job[] {
    return [...this._store.jobs.values()].filter(job =>
      this._allows(action, job)
    );
  }

  /** Return the job that was asked for or that the user picks; null if there is none. */
  private async _choose(
    action: JobAction,
    jobId: string | undefined,
    title: string
  ): Promise<Job | null> {
    const trans = this._trans;
    if (jobId !== undefined) {
      const asked = this._store.jobs.get(jobId);
      if (asked === undefined) {
        Notification.error(
          trans.__('There is no job %1 in the queue any more.', jobId)
        );
        return null;
      }
      return asked;
    }
    const candidates = this._candidates(action);
    if (candidates.length === 0) {
      Notification.info(trans.__('There is no job to which this can be done.'));
      return null;
    }
    return chooseJob(candidates, title, trans);
  }

  private _clusterOf(job: Job): Cluster | null {
    return job.cluster === null
      ? null
      : (this._manager.get(job.cluster) ?? null);
  }

  /** Do it; if it did not work: what, what to do, and the scheduler's words one click away. */
  private async _try(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      const trans = this._trans;
      const problem = problemOf(error, trans);
      Notification.error(plainText(problemLine(problem, trans)), {
        autoClose: false,
        actions: problem.detail
          ? [
              {
                label: trans.__('Show output'),
                callback: () => {
                  void showDialog({
                    title: problem.message,
                    body: ReactWidget.create(
                      <div className="jp-Engines-DialogBody">
                        <ProblemView problem={problem} trans={trans} />
                      </div>
                    ),
                    buttons: [Dialog.okButton({ label: trans.__('Close') })]
                  });
                }
              }
            ]
          : []
      });
    }
  }

  private readonly _store: IJobStore;
  private readonly _manager: IClusterManager;
  private readonly _trans: TranslationBundle;
}

export namespace JobActions {
  export interface IOptions {
    store: IJobStore;
    manager: IClusterManager;
    trans: TranslationBundle;
  }
}
