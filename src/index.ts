import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { clustersPlugin } from './plugins/clusters';
import { commandsPlugin } from './plugins/commands';
import { connectionPlugin } from './plugins/connection';
import { kernelsPlugin } from './plugins/kernels';
import { launcherPlugin } from './plugins/launcher';
import { logPlugin } from './plugins/log';
import { palettePlugin } from './plugins/palette';
import { panelPlugin } from './plugins/panel';
import { settingsPlugin } from './plugins/settings';
import { statusBarPlugin } from './plugins/statusbar';
import { toolbarPlugin } from './plugins/toolbar';

export * from './tokens';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  settingsPlugin,
  connectionPlugin,
  clustersPlugin,
  kernelsPlugin,
  logPlugin,
  commandsPlugin,
  panelPlugin,
  toolbarPlugin,
  statusBarPlugin,
  palettePlugin,
  launcherPlugin
];

export default plugins;
