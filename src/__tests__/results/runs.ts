/** Runs as the kernel tells them, and what draws them. */
import {
  RenderMimeRegistry,
  standardRendererFactories
} from '@jupyterlab/rendermime';
import type { Request } from '../../results/contract';
import { RunModel } from '../../results/model';
import type { IOutputTools } from '../../results/outputs';
import { WorkQueue } from '../../results/workQueue';
import { trans } from '../fakes';

/** The kernel's clock when the run began. */
export const START = 1_700_000_000;

/** Return the traits of a run of four ranks. */
export function traits(
  changes: Record<string, unknown> = {}
): Record<string, unknown> {
  return {
    label: 'psum(a)',
    cluster: 'pbs',
    ranks: [0, 1, 2, 3],
    states: 'rrrr',
    state: 'running',
    started_at: START,
    ended_at: null,
    now: START + 2,
    blocks: [],
    dropped_blocks: 0,
    blocking: true,
    notice: '',
    ...changes
  };
}

/** Return a block of standard output of rank 0. */
export function block(
  changes: Record<string, unknown> = {}
): Record<string, unknown> {
  return {
    key: 'a',
    kind: 'stdout',
    ranks: '0',
    count: 1,
    text: 'hello\n',
    data: null,
    dropped: null,
    ...changes
  };
}

/** A run, and the kernel's end of it. */
export class SimulatedRun {
  constructor(changes: Record<string, unknown> = {}) {
    this.model = new RunModel(
      {
        send: request => {
          if (this.isGone) {
            throw new Error('Cannot send');
          }
          this.sent.push(request);
        },
        interrupt: () => this.interrupt()
      },
      () => this.clock
    );
    this.model.update(traits(changes));
  }

  readonly model: RunModel;
  readonly sent: Request[] = [];
  /** The page's clock, of another machine. */
  clock = 500;
  interrupt: () => Promise<void> = () => Promise.resolve();
  /** Whether the connection has ended, and nobody was told. */
  isGone = false;
}

export function tools(): IOutputTools {
  const rendermime = new RenderMimeRegistry({
    initialFactories: standardRendererFactories
  });
  return { rendermime, queue: new WorkQueue(), trans };
}
