import { LabIcon } from '@jupyterlab/ui-components';
import alertSvg from '../style/icons/alert.svg';
import clockSvg from '../style/icons/clock.svg';
import doneSvg from '../style/icons/done.svg';
import enginesSvg from '../style/icons/engines.svg';
import failedSvg from '../style/icons/failed.svg';
import offSvg from '../style/icons/off.svg';
import pauseSvg from '../style/icons/pause.svg';
import progressSvg from '../style/icons/progress.svg';
import pxSvg from '../style/icons/px.svg';
import runningSvg from '../style/icons/running.svg';
import waitingSvg from '../style/icons/waiting.svg';

/** Engines: eight of them around a controller. */
export const enginesIcon = new LabIcon({
  name: 'jupyterlab-engines:engines',
  svgstr: enginesSvg
});

/** Ready, done, alive. */
export const doneIcon = new LabIcon({
  name: 'jupyterlab-engines:done',
  svgstr: doneSvg
});

/** On its way. */
export const progressIcon = new LabIcon({
  name: 'jupyterlab-engines:progress',
  svgstr: progressSvg
});

/** Its turn has not come. */
export const waitingIcon = new LabIcon({
  name: 'jupyterlab-engines:waiting',
  svgstr: waitingSvg
});

/** In a queue. */
export const clockIcon = new LabIcon({
  name: 'jupyterlab-engines:clock',
  svgstr: clockSvg
});

/** Works only in part. */
export const alertIcon = new LabIcon({
  name: 'jupyterlab-engines:alert',
  svgstr: alertSvg
});

/** Failed, lost. */
export const failedIcon = new LabIcon({
  name: 'jupyterlab-engines:failed',
  svgstr: failedSvg
});

/** Stopped. */
export const offIcon = new LabIcon({
  name: 'jupyterlab-engines:off',
  svgstr: offSvg
});

/** A job that runs. */
export const runningIcon = new LabIcon({
  name: 'jupyterlab-engines:running',
  svgstr: runningSvg
});

/** Held, suspended. */
export const pauseIcon = new LabIcon({
  name: 'jupyterlab-engines:pause',
  svgstr: pauseSvg
});

/** Runs on engines: one cell, many arrows. */
export const pxIcon = new LabIcon({
  name: 'jupyterlab-engines:px',
  svgstr: pxSvg
});
