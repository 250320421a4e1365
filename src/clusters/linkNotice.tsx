import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { Icon } from '../icon';
import { alertIcon } from '../icons';
import { timeOfDay } from '../times';
import type { Link } from '../tokens';

/** What puts the server half in place. */
export const INSTALL_COMMAND = 'pip install jupyterlab-engines';

export interface ILinkNoticeProps {
  link: Link;
  trans: TranslationBundle;
  onRetry: () => void;
  onCopy: (text: string) => void;
}

/** Says how far what the panel shows can be trusted; nothing where it simply can. */
export function LinkNotice(props: ILinkNoticeProps): React.JSX.Element | null {
  const { link, trans } = props;
  switch (link.state) {
    case 'live':
    case 'paused':
      return null;
    case 'connecting':
      return (
        <p className="jp-Engines-hint" role="status">
          {trans.__('Asking the Jupyter server for clusters…')}
        </p>
      );
    case 'polling':
      return (
        <p className="jp-Engines-hint" role="status">
          {trans.__(
            'WebSockets are blocked on the way to the server: shown states can be 5 s old.'
          )}
        </p>
      );
    case 'lost':
      return (
        <Notice
          {...props}
          text={
            link.knownAt === null
              ? trans.__(
                  'The Jupyter server does not answer. Check that it is running and that you are online.'
                )
              : trans.__(
                  'Connection lost · showing what was known at %1',
                  timeOfDay(link.knownAt / 1000)
                )
          }
          action={trans.__('Try again')}
        />
      );
    case 'missing':
      return (
        <Notice
          {...props}
          text={trans.__(
            'The Jupyter server runs without the server half of this extension. Install it where the server runs, then restart the server:'
          )}
          command={INSTALL_COMMAND}
          action={trans.__('Try again')}
        />
      );
    case 'mismatch':
      return (
        <Notice
          {...props}
          text={
            link.older === 'page'
              ? trans.__(
                  'The server has a newer jupyterlab-engines (%1) than this page. Save your work and reload the page.',
                  link.serverVersion
                )
              : trans.__(
                  'The server still runs an older jupyterlab-engines (%1) than this page. Restart the Jupyter server.',
                  link.serverVersion
                )
          }
          action={trans.__('Try again')}
        />
      );
    case 'refused':
      return (
        <Notice
          {...props}
          text={trans.__(
            'The Jupyter server does not let you use engines: %1. Log in again, or ask who runs the server.',
            link.message
          )}
          action={trans.__('Try again')}
        />
      );
    default:
      return unknownLink(link);
  }
}

function Notice(
  props: ILinkNoticeProps & { text: string; action: string; command?: string }
): React.JSX.Element {
  const { command, trans } = props;
  return (
    <div role="alert" className="jp-Engines-Notice">
      <Icon icon={alertIcon} tone="warning" />
      <div className="jp-Engines-Problem-text">
        <p>{props.text}</p>
        {command !== undefined && (
          <div className="jp-Engines-command">
            <code>{command}</code>
            <button
              className="jp-Engines-button jp-mod-quiet"
              aria-label={trans.__('Copy the command')}
              onClick={() => props.onCopy(command)}
            >
              {trans.__('Copy')}
            </button>
          </div>
        )}
        <button
          className="jp-Engines-button jp-mod-quiet"
          onClick={props.onRetry}
        >
          {props.action}
        </button>
      </div>
    </div>
  );
}

function unknownLink(link: never): never {
  throw new Error(`No words for ${JSON.stringify(link)}`);
}
