import type { IStateDB } from '@jupyterlab/statedb';
import type { TranslationBundle } from '@jupyterlab/translation';
import { VDomModel } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONValue } from '@lumino/coreutils';
import type { Profile } from '../api/generated';
import type { IClusterManager } from '../tokens';
import { problemOf } from '../problem';
import type { IProblem } from '../problem';

/** Where the last choices are kept, for each workspace. */
const STATE_KEY = 'jupyterlab-engines:start';
/** What a first start asks for: enough to see ranks, few enough for any machine. */
const FIRST_ENGINES = 4;

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
    this._manager.changed.connect(this._onChanged, this);
    this.restored = this._restore();
  }

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
              Math.min(FIRST_ENGINES, profile.max_engines)
          ))
    );
  }

  /** What is wrong with the field; null before the user has asked for a start. */
  get fieldError(): string | null {
    return this._fieldError;
  }

  /** Why the last start was not accepted. */
  get problem(): IProblem | null {
    return this._problem;
  }

  /** A start is on its way. */
  get isPending(): boolean {
    return this._isPending;
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._manager.changed.disconnect(this._onChanged, this);
    super.dispose();
  }

  setProfile(name: string): void {
    this._profileName = name;
    this._typed = null;
    this._fieldError = null;
    this._problem = null;
    void this._save();
    this.stateChanged.emit();
  }

  setEnginesText(text: string): void {
    this._typed = text;
    if (this._fieldError !== null) {
      // Corrected while typing: take the message away as soon as it is no longer true.
      this._fieldError = this._check().message;
    }
    this.stateChanged.emit();
  }

  /**
   * Start what the form says, if it can be started.
   *
   * @returns Whether the server accepted it. If not, `fieldError` or `problem` says why.
   */
  async submit(): Promise<boolean> {
    const { message, engines } = this._check();
    const profile = this.profile;
    this._fieldError = message;
    this._problem = null;
    if (this._isPending || engines === null || !profile?.startable) {
      this.stateChanged.emit();
      return false;
    }
    this._isPending = true;
    this._remembered.set(profile.name, engines);
    this._profileName = profile.name;
    this.stateChanged.emit();
    try {
      await this._manager.start(profile.name, engines);
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
    this.stateChanged.emit();
  }

  private async _save(): Promise<void> {
    await this._stateDB?.save(STATE_KEY, {
      profile: this._profileName,
      engines: Object.fromEntries(this._remembered)
    });
  }

  private _onChanged(): void {
    this.stateChanged.emit();
  }

  private readonly _manager: IClusterManager;
  private readonly _stateDB: IStateDB | null;
  private readonly _trans: TranslationBundle;
  private readonly _remembered = new Map<string, number>();
  private _profileName: string | null = null;
  private _typed: string | null = null;
  private _fieldError: string | null = null;
  private _problem: IProblem | null = null;
  private _isPending = false;
}

export namespace StartModel {
  export interface IOptions {
    manager: IClusterManager;
    /** Where choices are remembered; null: only for this page. */
    stateDB: IStateDB | null;
    trans: TranslationBundle;
  }
}

/** Either a number of engines, or what is wrong with it. */
export type EnginesCheck =
  | { engines: number; message: null }
  | { engines: null; message: string | null };

/** Tell whether `text` is a number of engines that `profile` can start. */
export function checkEngines(
  text: string,
  profile: Profile,
  trans: TranslationBundle
): EnginesCheck {
  const trimmed = text.trim();
  if (!/^[+-]?\d+$/.test(trimmed)) {
    return {
      engines: null,
      message: trans.__('Type a whole number, for example 4.')
    };
  }
  const engines = Number(trimmed);
  if (engines < 1) {
    return {
      engines: null,
      message: trans.__('A cluster needs at least 1 engine.')
    };
  }
  if (engines > profile.max_engines) {
    return {
      engines: null,
      message: trans.__(
        '%1 starts at most %2 engines.',
        profile.name,
        profile.max_engines
      )
    };
  }
  return { engines, message: null };
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
