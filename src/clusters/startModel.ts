import type { IStateDB } from '@jupyterlab/statedb';
import type { TranslationBundle } from '@jupyterlab/translation';
import { VDomModel } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONValue } from '@lumino/coreutils';
import type { Profile } from '../api/generated';
import { ResourceModel } from '../profiles/resourceModel';
import type { IClusterManager, IProfileService } from '../tokens';
import { checkEngines } from './engineCount';
import type { EnginesCheck } from './engineCount';
import { problemOf } from '../problem';
import type { IProblem } from '../problem';

/** Where the last choices are kept, for each workspace. */
const STATE_KEY = 'jupyterlab-engines:start';
/** What a first start asks for: enough to see ranks, few enough for any machine. */
const FIRST_ENGINES = 4;
/** How long nobody may type before a number is judged, in milliseconds. */
const QUIET = 600;

/**
 * The form that starts a cluster: what was chosen, whether it can be asked for, and what
 * came of asking.
 *
 * #### Notes
 * The number of engines is remembered for each profile.
 */
export class StartModel extends VDomModel {
  constructor(options: StartModel.IOptions) {
    super();
    this._manager = options.manager;
    this._stateDB = options.stateDB;
    this._trans = options.trans;
    this._profiles = options.service;
    this.resources = new ResourceModel(options);
    this.resources.stateChanged.connect(this._onResources, this);
    this._manager.changed.connect(this._onChanged, this);
    this._follow();
    this.restored = this._restore();
  }

  /** What the job of a batch profile asks for; disposed with this. */
  readonly resources: ResourceModel;

  /** Resolves when the remembered choices are in place. */
  readonly restored: Promise<void>;

  get profiles(): readonly Profile[] {
    return this._manager.profiles;
  }

  /** The chosen profile, or the one that comes first; null if there are none. */
  get profile(): Profile | null {
    const profiles = this._manager.profiles;
    return (
      profiles.find(p => p.name === this._profileName) ?? profiles[0] ?? null
    );
  }

  /** What stands in the field, right or wrong. */
  get enginesText(): string {
    const profile = this.profile;
    return (
      this._typed ??
      (profile === null
        ? ''
        : String(
            this._remembered.get(profile.name) ??
              Math.min(profile.engines ?? FIRST_ENGINES, profile.max_engines)
          ))
    );
  }

  /** What is wrong with the field; null while the user still types. */
  get fieldError(): string | null {
    return this._fieldError;
  }

  /** Why the last start was not accepted. */
  get problem(): IProblem | null {
    return this._problem;
  }

  /** What keeps the job of a start from being accepted; null: nothing that is known. */
  get obstacle(): string | null {
    return this.resources.obstacle;
  }

  /** A start is on its way. */
  get isPending(): boolean {
    return this._isPending;
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    clearTimeout(this._judging);
    this._manager.changed.disconnect(this._onChanged, this);
    this.resources.stateChanged.disconnect(this._onResources, this);
    this.resources.dispose();
    super.dispose();
  }

  setProfile(name: string): void {
    clearTimeout(this._judging);
    this._awaited = null;
    this._profileName = name;
    this._typed = null;
    this._fieldError = null;
    this._problem = null;
    void this._save();
    this._follow();
    this.stateChanged.emit();
  }

  setEnginesText(text: string): void {
    this._typed = text;
    clearTimeout(this._judging);
    if (this._fieldError !== null) {
      // Corrected while typing: take the message away as soon as it is no longer true.
      this._fieldError = this._check().message;
    } else if (text.trim() !== '') {
      // Who has emptied the field is about to type.
      this._judging = setTimeout(() => this.judgeEngines(), QUIET);
    }
    this._follow();
    this.stateChanged.emit();
  }

  /** Say now what is wrong with the number of engines, if anything is. */
  judgeEngines(): void {
    clearTimeout(this._judging);
    const { message } = this._check();
    if (message !== this._fieldError) {
      this._fieldError = message;
      this.stateChanged.emit();
    }
  }

  /**
   * Choose a profile that was made just now, as soon as the server's list has it.
   *
   * #### Notes
   * Until then the choice stays as it is: the form does not jump to another profile and back.
   */
  chooseNew(name: string): void {
    this._awaited = name;
    this._chooseAwaited();
  }

  /**
   * Start what the form says, if it can be started.
   *
   * @returns Whether the server accepted it. If not, `fieldError` or `problem` says why.
   */
  async submit(): Promise<boolean> {
    const { message, engines } = this._check();
    const profile = this.profile;
    clearTimeout(this._judging);
    this._fieldError = message;
    this._problem = null;
    if (
      this._isPending ||
      engines === null ||
      this.obstacle !== null ||
      !profile?.startable
    ) {
      this.stateChanged.emit();
      return false;
    }
    this._isPending = true;
    this._remembered.set(profile.name, engines);
    this._profileName = profile.name;
    this.stateChanged.emit();
    try {
      await this._manager.start(profile.name, engines, this.resources.asked);
      await this._save();
      return true;
    } catch (error) {
      this._problem = problemOf(error, this._trans);
      return false;
    } finally {
      this._isPending = false;
      this.stateChanged.emit();
    }
  }

  /**
   * Make the chosen profile of the site the user's own, and choose that.
   *
   * @returns Whether it was done. If not, `problem` says why.
   */
  async adopt(ownName: string): Promise<boolean> {
    const { profile } = this;
    if (profile === null || this._isPending) {
      return false;
    }
    this._isPending = true;
    this._problem = null;
    this.stateChanged.emit();
    try {
      const adopted = await this._profiles.adoptProfile(profile.name, ownName);
      this._profileName = adopted.profile.name;
      await this._save();
      return true;
    } catch (error) {
      this._problem = problemOf(error, this._trans);
      return false;
    } finally {
      this._isPending = false;
      this._onChanged();
    }
  }

  /** Have the script follow what the form says. */
  private _follow(): void {
    this.resources.follow(this.profile, this._check().engines);
  }

  private _check(): EnginesCheck {
    return this.profile === null
      ? { engines: null, message: null }
      : checkEngines(this.enginesText, this.profile, this._trans);
  }

  private async _restore(): Promise<void> {
    const saved = await this._stateDB?.fetch(STATE_KEY);
    if (!isSaved(saved)) {
      return;
    }
    this._profileName ??= saved.profile;
    for (const [name, engines] of Object.entries(saved.engines)) {
      if (!this._remembered.has(name)) {
        this._remembered.set(name, engines);
      }
    }
    this._onChanged();
  }

  private async _save(): Promise<void> {
    await this._stateDB?.save(STATE_KEY, {
      profile: this._profileName,
      engines: Object.fromEntries(this._remembered)
    });
  }

  private _chooseAwaited(): void {
    const name = this._awaited;
    if (name !== null && this._manager.profiles.some(p => p.name === name)) {
      this.setProfile(name);
    }
  }

  private _onChanged(): void {
    this._chooseAwaited();
    this._follow();
    this.stateChanged.emit();
  }

  private _onResources(): void {
    this.stateChanged.emit();
  }

  private readonly _manager: IClusterManager;
  private readonly _profiles: IProfileService;
  private readonly _stateDB: IStateDB | null;
  private readonly _trans: TranslationBundle;
  private readonly _remembered = new Map<string, number>();
  private _profileName: string | null = null;
  private _awaited: string | null = null;
  private _judging: ReturnType<typeof setTimeout> | undefined;
  private _typed: string | null = null;
  private _fieldError: string | null = null;
  private _problem: IProblem | null = null;
  private _isPending = false;
}

export namespace StartModel {
  export interface IOptions {
    manager: IClusterManager;
    service: IProfileService;
    /** Where choices are remembered; null: only for this page. */
    stateDB: IStateDB | null;
    trans: TranslationBundle;
  }
}

interface ISaved {
  profile: string | null;
  engines: Record<string, number>;
}

function isSaved(
  value: ReadonlyPartialJSONValue | undefined
): value is ISaved & ReadonlyPartialJSONValue {
  if (typeof value !== 'object' || value === null || !('engines' in value)) {
    return false;
  }
  const { profile, engines } = value;
  return (
    (profile === null || typeof profile === 'string') &&
    typeof engines === 'object' &&
    engines !== null &&
    Object.values(engines).every(n => Number.isInteger(n))
  );
}
