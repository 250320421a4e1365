import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { Signal } from '@lumino/signaling';
import { IEngineSettings } from '../tokens';

/** Reads the settings: the only place that does. */
export const settingsPlugin: JupyterFrontEndPlugin<IEngineSettings> = {
  id: 'jupyterlab-engines:settings',
  description: 'Provides the settings of the engines extension.',
  autoStart: true,
  provides: IEngineSettings,
  optional: [ISettingRegistry],
  activate: (
    _: JupyterFrontEnd,
    registry: ISettingRegistry | null
  ): IEngineSettings => {
    const settings = new EngineSettings();
    if (registry !== null) {
      registry.load(settingsPlugin.id).then(
        loaded => settings.follow(loaded),
        (error: unknown) => {
          console.error(
            'The settings of jupyterlab-engines could not be read; the defaults are used.',
            error
          );
        }
      );
    }
    return settings;
  }
};

/** The settings as last read, each the default until then and wherever it is not valid. */
class EngineSettings implements IEngineSettings {
  connectMode: 'cell' | 'silent' = 'cell';
  reattach: 'ask' | 'auto' = 'ask';
  showStatusBar = true;
  showNotices = true;
  readonly changed = new Signal<this, void>(this);

  follow(settings: ISettingRegistry.ISettings): void {
    settings.changed.connect(this._read, this);
    this._read(settings);
  }

  private _read(settings: ISettingRegistry.ISettings): void {
    const { composite } = settings;
    this.connectMode = composite.connectMode === 'silent' ? 'silent' : 'cell';
    this.reattach = composite.reattach === 'auto' ? 'auto' : 'ask';
    this.showStatusBar = composite.showStatusBar !== false;
    this.showNotices = composite.showNotices !== false;
    this.changed.emit();
  }
}
