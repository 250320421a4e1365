import type { TranslationBundle } from '@jupyterlab/translation';
import { VDomModel } from '@jupyterlab/ui-components';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';
import type {
  FieldProblem,
  Profile,
  ProfileDetail,
  Queue
} from '../api/generated';
import { problemOf } from '../problem';
import type { IProblem } from '../problem';
import type { IProfileService } from '../tokens';
import { PreviewModel } from './previewModel';
import { nameProblems } from './profileName';
import type { ResourceField } from './resources';
import { NEW_SETTINGS, readSettings, settingsTexts } from './settings';
import type { ISettingsTexts } from './settings';

/** The settings of one profile while somebody changes them, and the script they make. */
export class EditorModel extends VDomModel {
  constructor(options: EditorModel.IOptions) {
    super();
    this._service = options.service;
    this.trans = options.trans;
    this._name = options.name;
    this._names = options.names;
    this.preview = new PreviewModel(options);
    this.preview.stateChanged.connect(this._onPreview, this);
    if (options.name === null) {
      this._texts = settingsTexts(NEW_SETTINGS);
      this._saved = JSON.stringify(this._texts);
      this._ask();
    }
  }

  readonly trans: TranslationBundle;
  /** The scripts; disposed with this. */
  readonly preview: PreviewModel;

  /** A new profile was saved; the argument is its name. */
  get created(): ISignal<this, string> {
    return this._created;
  }

  /** The profile's name; null as long as it was never saved. */
  get name(): string | null {
    return this._name;
  }

  /** What a new profile is to be called. */
  get nameText(): string {
    return this._nameText;
  }

  /** The profile as the server knows it; null for a new one, and until it was read. */
  get profile(): Profile | null {
    return this._profile;
  }

  /** What stands in the form; null: it has no settings that could be changed. */
  get texts(): ISettingsTexts | null {
    return this._texts;
  }

  /** Null: not known. */
  get queues(): readonly Queue[] | null {
    return this._queues;
  }

  /** Why it could not be read, saved or deleted. */
  get problem(): IProblem | null {
    return this._problem;
  }

  /** Something is on its way. */
  get isBusy(): boolean {
    return this._isBusy;
  }

  get isDirty(): boolean {
    return (
      this._texts !== null &&
      (JSON.stringify(this._texts) !== this._saved || this._nameText !== '')
    );
  }

  /** A site's profile is changed by the site; one's own copy can be. */
  get isReadOnly(): boolean {
    return this._profile?.origin === 'site';
  }

  /** All that is wrong, with fields that cannot be read first. */
  get problems(): readonly FieldProblem[] {
    if (this._texts === null) {
      return this.preview.problems;
    }
    const { problems } = readSettings(this._texts, this.trans);
    const fields = new Set(problems.map(({ field }) => field));
    const name = this._name === null ? this._nameText.trim() : '';
    return [
      // On its way to be saved, it may be in the list before the reply is here.
      ...nameProblems(name, this._isBusy ? [] : this._names(), this.trans),
      ...problems,
      ...this.preview.problems.filter(({ field }) => !fields.has(field))
    ];
  }

  /** Why it cannot be saved now; null: it can. */
  get obstacle(): string | null {
    if (this._name === null && this._nameText.trim() === '') {
      return this.trans.__('Give the profile a name.');
    }
    return (
      this.problems.find(({ severity }) => severity === 'error')?.message ??
      null
    );
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.preview.stateChanged.disconnect(this._onPreview, this);
      this.preview.dispose();
      super.dispose();
    }
  }

  /** Read the profile and the queues. */
  async load(): Promise<void> {
    const name = this._name;
    void this._readQueues();
    if (name !== null) {
      await this._do(async () => this._show(await this._service.profile(name)));
    }
  }

  setName(text: string): void {
    this._nameText = text;
    this._ask();
    this.stateChanged.emit();
  }

  /** Change settings. */
  set(change: Partial<ISettingsTexts>): void {
    if (this._texts !== null) {
      this._texts = { ...this._texts, ...change };
      this._ask();
      this.stateChanged.emit();
    }
  }

  setResource(field: ResourceField, text: string): void {
    if (this._texts !== null) {
      this.set({ resources: { ...this._texts.resources, [field]: text } });
    }
  }

  /**
   * Save the settings.
   *
   * @returns Whether it was done. If not, `obstacle` or `problem` says why.
   */
  async save(): Promise<boolean> {
    const settings =
      this._texts && readSettings(this._texts, this.trans).settings;
    if (settings === null || this.obstacle !== null || this._isBusy) {
      this.stateChanged.emit();
      return false;
    }
    const create = this._name === null;
    const name = this._name ?? this._nameText.trim();
    return this._do(async () => {
      const detail = await this._service.saveProfile(name, {
        settings,
        create
      });
      this._name = name;
      this._nameText = '';
      this._show(detail);
      if (create) {
        this._created.emit(name);
      }
    });
  }

  /**
   * Delete the profile.
   *
   * @returns Whether it was done. If not, `problem` says why.
   */
  async remove(): Promise<boolean> {
    const name = this._name;
    return (
      name !== null && this._do(async () => this._service.deleteProfile(name))
    );
  }

  private _show({ profile, settings, preview }: ProfileDetail): void {
    this._profile = profile;
    this._texts = settings && settingsTexts(settings);
    this._saved = JSON.stringify(this._texts);
    this.preview.show(preview);
  }

  private _ask(): void {
    const settings =
      this._texts && readSettings(this._texts, this.trans).settings;
    if (settings !== null) {
      const typed = this._nameText.trim();
      this.preview.ask({
        profile: this._name ?? (typed === '' ? UNNAMED : typed),
        settings,
        engines: null,
        resources: null
      });
    }
  }

  private async _do(action: () => Promise<void>): Promise<boolean> {
    this._isBusy = true;
    this._problem = null;
    this.stateChanged.emit();
    try {
      await action();
      return true;
    } catch (error) {
      this._problem = problemOf(error, this.trans);
      return false;
    } finally {
      this._isBusy = false;
      this.stateChanged.emit();
    }
  }

  private async _readQueues(): Promise<void> {
    try {
      this._queues = (await this._service.scheduler()).queues;
    } catch (error) {
      // A queue can be typed; the panel says why the scheduler does not answer.
      console.warn('The queues of the scheduler are not known', error);
    }
    if (!this.isDisposed) {
      this.stateChanged.emit();
    }
  }

  private _onPreview(): void {
    this.stateChanged.emit();
  }

  private readonly _service: IProfileService;
  private readonly _names: () => readonly string[];
  private readonly _created = new Signal<this, string>(this);
  private _name: string | null;
  private _nameText = '';
  private _profile: Profile | null = null;
  private _texts: ISettingsTexts | null = null;
  private _saved = '';
  private _queues: readonly Queue[] | null = null;
  private _problem: IProblem | null = null;
  private _isBusy = false;
}

/** What the script calls a profile that has no name yet. */
const UNNAMED = 'pbs';

export namespace EditorModel {
  export interface IOptions {
    service: IProfileService;
    /** Null: a new profile. */
    name: string | null;
    /** Returns the names of the profiles that there are, as far as known. */
    names: () => readonly string[];
    trans: TranslationBundle;
  }
}
