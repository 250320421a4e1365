import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { activityPlugin } from './plugins/activity';
import { cellsPlugin } from './plugins/cells';
import { clustersPlugin } from './plugins/clusters';
import { commandsPlugin } from './plugins/commands';
import { connectionPlugin } from './plugins/connection';
import { engineTablePlugin } from './plugins/enginetable';
import { jobsPlugin } from './plugins/jobs';
import { jobTablePlugin } from './plugins/jobtable';
import { kernelsPlugin } from './plugins/kernels';
import { launcherPlugin } from './plugins/launcher';
import { logPlugin } from './plugins/log';
import { noticesPlugin } from './plugins/notices';
import { palettePlugin } from './plugins/palette';
import { panelPlugin } from './plugins/panel';
import { profileEditorPlugin, profilesPlugin } from './plugins/profiles';
import { resultsPlugin } from './plugins/results';
import { settingsPlugin } from './plugins/settings';
import { statusBarPlugin } from './plugins/statusbar';
import { toolbarPlugin } from './plugins/toolbar';

export * from './tokens';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  settingsPlugin,
  connectionPlugin,
  clustersPlugin,
  activityPlugin,
  engineTablePlugin,
  jobsPlugin,
  jobTablePlugin,
  profilesPlugin,
  profileEditorPlugin,
  kernelsPlugin,
  logPlugin,
  commandsPlugin,
  panelPlugin,
  noticesPlugin,
  toolbarPlugin,
  resultsPlugin,
  cellsPlugin,
  statusBarPlugin,
  palettePlugin,
  launcherPlugin
];

export default plugins;
