import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import { InputDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Cluster, Profile } from '../api/generated';
import { stopJobsSentence } from './batchWords';
import { stateWord, stopSentence } from './words';

/** Names of the notebooks that lose engines with a cluster. */
export interface IConcerned {
  connected: readonly string[];
  /** Those whose kernels have not told yet which cluster they use. */
  unknown: readonly string[];
}

/** Ask whether to stop a cluster, naming what ends with it. */
export async function confirmStop(
  cluster: Cluster,
  notebooks: IConcerned,
  now: number,
  trans: TranslationBundle
): Promise<boolean> {
  const body = ReactWidget.create(
    <div className="jp-Engines-DialogBody">
      {/* What waits in a queue has no engines that could die. */}
      {(cluster.batch === null || cluster.state !== 'queued') && (
        <p>{stopSentence(cluster, trans)}</p>
      )}
      {cluster.batch !== null && (
        <p>{stopJobsSentence(cluster, cluster.batch, now, trans)}</p>
      )}
      {cluster.origin === 'terminal' && (
        <p>{trans.__('It was started in a terminal, not from this panel.')}</p>
      )}
      {notebooks.connected.length > 0 && (
        <p>
          {trans.__(
            'Notebooks that are connected to it: %1. They stay open, and so do their kernels.',
            notebooks.connected.join(', ')
          )}
        </p>
      )}
      {maybeConnected(notebooks, trans)}
    </div>
  );
  const result = await showDialog({
    title: trans.__('Stop %1?', cluster.key),
    body,
    buttons: [
      Dialog.cancelButton({
        label:
          cluster.state === 'queued'
            ? trans.__('Keep waiting')
            : trans.__('Keep running')
      }),
      Dialog.warnButton({ label: trans.__('Stop') })
    ]
  });
  return result.button.accept;
}

/** Ask whether to end all engines of a cluster and start them anew, naming what is lost. */
export async function confirmRestart(
  cluster: Cluster,
  notebooks: IConcerned,
  trans: TranslationBundle
): Promise<boolean> {
  const count = cluster.engines.length;
  const body = ReactWidget.create(
    <div className="jp-Engines-DialogBody">
      <p>
        {trans._n(
          'The %1 engine ends, with what it computes and all its variables, and a new one starts.',
          'All %1 engines end, with what they compute and all their variables, and new ones start: they are one MPI world and cannot be restarted one by one.',
          count
        )}
      </p>
      <p>
        {cluster.batch === null
          ? trans.__('The controller stays.')
          : trans.__(
              'The controller stays, and the job keeps its place, its nodes and its walltime.'
            )}
      </p>
      {notebooks.connected.length > 0 && (
        <p>
          {trans.__(
            'Notebooks that are connected to it: %1. They stay connected; their cells that wait for engines end with an error.',
            notebooks.connected.join(', ')
          )}
        </p>
      )}
      {maybeConnected(notebooks, trans)}
    </div>
  );
  const result = await showDialog({
    title: trans.__('Restart the engines of %1?', cluster.key),
    body,
    buttons: [
      Dialog.cancelButton({ label: trans.__('Keep running') }),
      Dialog.warnButton({ label: trans.__('Restart') })
    ]
  });
  return result.button.accept;
}

function maybeConnected(
  { unknown }: IConcerned,
  trans: TranslationBundle
): React.JSX.Element | null {
  return unknown.length === 0 ? null : (
    <p>
      {trans.__(
        'Notebooks that may be connected to it: %1. Their kernels are busy and have not told yet which engines they use.',
        unknown.join(', ')
      )}
    </p>
  );
}

/** Ask for one of several clusters; without asking if there is only one. */
export async function chooseCluster(
  clusters: readonly Cluster[],
  title: string,
  trans: TranslationBundle
): Promise<string | null> {
  const [first] = clusters;
  if (first !== undefined && clusters.length === 1) {
    return first.key;
  }
  const labels = clusters.map(cluster =>
    trans.__('%1 (%2)', cluster.key, stateWord(cluster.state, trans))
  );
  const result = await InputDialog.getItem({
    title,
    label: trans.__('Cluster'),
    items: labels
  });
  const index = result.value === null ? -1 : labels.indexOf(result.value);
  return result.button.accept ? (clusters[index]?.key ?? null) : null;
}

/** Ask for a profile to start from; without asking if there is only one. */
export async function chooseProfile(
  profiles: readonly Profile[],
  trans: TranslationBundle
): Promise<string | null> {
  const [first] = profiles;
  if (first !== undefined && profiles.length === 1) {
    return first.name;
  }
  const result = await InputDialog.getItem({
    title: trans.__('Start Engines'),
    label: trans.__('Profile'),
    items: profiles.map(profile => profile.name)
  });
  return result.button.accept ? result.value : null;
}

/** Ask how many engines to start, until it is a number that can be started or cancelled. */
export async function askEngines(
  profile: Profile,
  suggestion: string,
  check: (text: string) => string | null,
  trans: TranslationBundle
): Promise<string | null> {
  let text = suggestion;
  let message: string | null = null;
  for (;;) {
    const label: string = trans.__('Engines, 1 to %1', profile.max_engines);
    const result = await InputDialog.getText({
      title: trans.__('Start Engines from %1', profile.name),
      label: message ?? label,
      text,
      okLabel: trans.__('Start')
    });
    if (!result.button.accept || result.value === null) {
      return null;
    }
    text = result.value;
    message = check(text);
    if (message === null) {
      return text;
    }
  }
}

/** Ask what to call one's own copy of a profile of the site. */
export async function askOwnName(
  name: string,
  trans: TranslationBundle
): Promise<string | null> {
  const result = await InputDialog.getText({
    title: trans.__('Use %1', name),
    label: trans.__(
      'The profile is copied to your own ones, where you can change what the site has not fixed. Its name:'
    ),
    text: name,
    okLabel: trans.__('Use')
  });
  const typed = result.value?.trim() ?? '';
  return result.button.accept && typed !== '' ? typed : null;
}

/** Tell something that keeps an action from being done, and offer what to do about it. */
export async function explain(
  title: string,
  body: string,
  action: string | null,
  trans: TranslationBundle
): Promise<boolean> {
  const result = await showDialog({
    title,
    body,
    buttons:
      action === null
        ? [Dialog.okButton({ label: trans.__('OK') })]
        : [
            Dialog.cancelButton({ label: trans.__('Cancel') }),
            Dialog.okButton({ label: action })
          ]
  });
  return action !== null && result.button.accept;
}
