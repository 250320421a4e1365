import type { TranslationBundle } from '@jupyterlab/translation';
import { VDomModel } from '@jupyterlab/ui-components';
import type { FieldProblem, Profile, Queue, Resources } from '../api/generated';
import type { IProfileService } from '../tokens';
import { PreviewModel } from './previewModel';
import { NO_RESOURCES, readTexts, textsOf } from './resources';
import type { ResourceField, ResourceTexts } from './resources';

/**
 * What the job of the next start asks for: the profile's proposal, and what the user has
 * changed of it.
 *
 * #### Notes
 * Changes are kept for each profile until the page is loaded again.
 */
export class ResourceModel extends VDomModel {
  constructor(options: ResourceModel.IOptions) {
    super();
    this._service = options.service;
    this._trans = options.trans;
    this.preview = new PreviewModel(options);
    this.preview.stateChanged.connect(this._onPreview, this);
  }

  /** The script that would be submitted; disposed with this. */
  readonly preview: PreviewModel;

  /** Whether the profile's jobs have resources that can be chosen. */
  get isOffered(): boolean {
    return this._profile !== null && this._profile.resources !== null;
  }

  get texts(): ResourceTexts {
    return (
      this._changed.get(this._profile?.name ?? '') ?? textsOf(this._proposed)
    );
  }

  /** The resources as far as they can be read. */
  get resources(): Resources {
    return readTexts(this.texts, this._trans).resources;
  }

  /** What a start has to send: null if nothing was changed. */
  get asked(): Resources | null {
    return this._profile !== null && this._changed.has(this._profile.name)
      ? this.resources
      : null;
  }

  /** All that is wrong, with fields that cannot be read first. */
  get problems(): readonly FieldProblem[] {
    if (!this.isOffered) {
      return [];
    }
    const { problems } = readTexts(this.texts, this._trans);
    const fields = new Set(problems.map(({ field }) => field));
    return [
      ...problems,
      ...this.preview.problems.filter(({ field }) => !fields.has(field))
    ];
  }

  /** What keeps a start from being accepted; null: nothing that is known. */
  get obstacle(): string | null {
    return (
      this.problems.find(({ severity }) => severity === 'error')?.message ??
      null
    );
  }

  /** The fields are unfolded. */
  get isOpen(): boolean {
    return this._isOpen;
  }

  get showsScript(): boolean {
    return this._showsScript;
  }

  /** Null until the scheduler has told them. */
  get queues(): readonly Queue[] | null {
    return this._queues;
  }

  /** Whether the user has changed what the profile proposes. */
  get isChanged(): boolean {
    return this._changed.has(this._profile?.name ?? '');
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.preview.stateChanged.disconnect(this._onPreview, this);
      this.preview.dispose();
      super.dispose();
    }
  }

  /** Follow what the form says: whose job it is, and for how many engines; null: not a number. */
  follow(profile: Profile | null, engines: number | null): void {
    if (profile?.name !== this._profile?.name) {
      this.preview.clear();
    }
    this._profile = profile;
    this._engines = engines;
    this._ask();
  }

  setText(field: ResourceField, text: string): void {
    if (this._profile !== null) {
      const texts = { ...this.texts, [field]: text };
      this._changed.set(this._profile.name, texts);
      this._ask();
      this.stateChanged.emit();
    }
  }

  /** Propose again what the profile does. */
  reset(): void {
    this._changed.delete(this._profile?.name ?? '');
    this._ask();
    this.stateChanged.emit();
  }

  toggle(): void {
    this._isOpen = !this._isOpen;
    if (this._isOpen) {
      void this._readQueues();
    }
    this.stateChanged.emit();
  }

  toggleScript(): void {
    this._showsScript = !this._showsScript;
    this.stateChanged.emit();
  }

  private get _proposed(): Resources {
    return this._profile?.resources ?? NO_RESOURCES;
  }

  /** Ask for the script, unless something cannot even be read. */
  private _ask(): void {
    const profile = this._profile;
    if (profile === null || !this.isOffered || profile.origin === 'site') {
      return;
    }
    const { problems, resources } = readTexts(this.texts, this._trans);
    if (problems.length === 0 && this._engines !== null) {
      this.preview.ask({
        profile: profile.name,
        settings: null,
        engines: this._engines,
        resources
      });
    }
  }

  private async _readQueues(): Promise<void> {
    try {
      this._queues = (await this._service.scheduler()).queues;
    } catch (error) {
      // A queue can be typed; the scheduler's line says why it does not answer.
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
  private readonly _trans: TranslationBundle;
  private readonly _changed = new Map<string, ResourceTexts>();
  private _profile: Profile | null = null;
  private _engines: number | null = null;
  private _queues: readonly Queue[] | null = null;
  private _isOpen = false;
  private _showsScript = false;
}

export namespace ResourceModel {
  export interface IOptions {
    service: IProfileService;
    trans: TranslationBundle;
  }
}
