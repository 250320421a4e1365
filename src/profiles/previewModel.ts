import type { TranslationBundle } from '@jupyterlab/translation';
import { VDomModel } from '@jupyterlab/ui-components';
import type {
  FieldProblem,
  Preview,
  PreviewProfile,
  Script
} from '../api/generated';
import { problemOf } from '../problem';
import type { IProblem } from '../problem';
import type { IProfileService } from '../tokens';

/** How long nothing may change before the server is asked, in milliseconds. */
const QUIET = 250;

/**
 * The scripts of what a form says, followed while somebody types.
 *
 * #### Notes
 * The last answer stays until the next one: scripts do not flicker while one types. Of several
 * answers only the one to the last question counts.
 */
export class PreviewModel extends VDomModel {
  constructor(options: PreviewModel.IOptions) {
    super();
    this._service = options.service;
    this._trans = options.trans;
  }

  get scripts(): readonly Script[] {
    return this._preview?.scripts ?? [];
  }

  /** What the server found wrong with what it was last asked. */
  get problems(): readonly FieldProblem[] {
    return this._preview?.problems ?? [];
  }

  /** Why there is no answer. */
  get problem(): IProblem | null {
    return this._problem;
  }

  /** What is shown is not yet of what the form says. */
  get isStale(): boolean {
    return this._isStale;
  }

  override dispose(): void {
    if (!this.isDisposed) {
      clearTimeout(this._timer);
      super.dispose();
    }
  }

  /** Show the scripts of this as soon as nothing has changed for a moment. */
  ask(question: PreviewProfile): void {
    const text = JSON.stringify(question);
    if (text === this._asked) {
      return;
    }
    this._asked = text;
    this._isStale = true;
    clearTimeout(this._timer);
    this._timer = setTimeout(() => void this._fetch(question, text), QUIET);
  }

  /** Show an answer that came with something else. */
  show(preview: Preview): void {
    this.clear();
    this._preview = preview;
    this.stateChanged.emit();
  }

  /** Forget the answer, and the question that is on its way. */
  clear(): void {
    clearTimeout(this._timer);
    this._asked = '';
    this._isStale = false;
    this._preview = null;
    this._problem = null;
  }

  private async _fetch(question: PreviewProfile, text: string): Promise<void> {
    let preview: Preview | null = null;
    let problem: IProblem | null = null;
    try {
      preview = await this._service.previewProfile(question);
    } catch (error) {
      problem = problemOf(error, this._trans);
    }
    if (this.isDisposed || text !== this._asked) {
      return;
    }
    this._preview = preview ?? this._preview;
    this._problem = problem;
    this._isStale = problem !== null;
    this.stateChanged.emit();
  }

  private readonly _service: IProfileService;
  private readonly _trans: TranslationBundle;
  private _asked = '';
  private _preview: Preview | null = null;
  private _problem: IProblem | null = null;
  private _isStale = false;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}

export namespace PreviewModel {
  export interface IOptions {
    service: IProfileService;
    trans: TranslationBundle;
  }
}
