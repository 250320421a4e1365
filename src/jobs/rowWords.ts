import type { TranslationBundle } from '@jupyterlab/translation';
import type { Job } from '../api/generated';
import type { Condition } from './words';
import { conditionWord } from './words';

/**
 * The words that each row has, looked up once.
 *
 * #### Notes
 * While one scrolls, hundreds of cells are written in a frame; looking their words up took
 * a quarter of it.
 */
export class RowWords {
  constructor(readonly trans: TranslationBundle) {
    // What fills the gap is its own mark: so the sentence can be filled in later.
    this._menu = trans.__('What can be done to %1', GAP);
    this._printed = trans.__('As the scheduler prints it: %1', GAP);
    this._waiting = trans.__('waiting %1', GAP);
    this._controller = trans.__('controller of %1', GAP);
    this._engines = trans.__('engines of %1', GAP);
    this.menuTitle = trans.__('Hold, delete, change walltime…');
  }

  /** What the button of a row opens. */
  readonly menuTitle: string;

  condition(condition: Condition): string {
    let word = this._conditions.get(condition);
    if (word === undefined) {
      word = conditionWord(condition, this.trans);
      this._conditions.set(condition, word);
    }
    return word;
  }

  menu(jobId: string): string {
    return fill(this._menu, jobId);
  }

  printed(letter: string): string {
    return fill(this._printed, letter);
  }

  /** A job's name; that of a cluster's is a tag that nobody can read, so what it is for is told instead. */
  name(job: Job): string {
    return job.cluster === null
      ? job.name
      : fill(
          job.role === 'controller' ? this._controller : this._engines,
          job.cluster
        );
  }

  waiting(clock: string): string {
    return fill(this._waiting, clock);
  }

  private readonly _menu: string;
  private readonly _printed: string;
  private readonly _waiting: string;
  private readonly _controller: string;
  private readonly _engines: string;
  private readonly _conditions = new Map<Condition, string>();
}

const GAP = '%1';

function fill(sentence: string, text: string): string {
  // By a function: a `$` in the text stands for itself.
  return sentence.replace(GAP, () => text);
}
