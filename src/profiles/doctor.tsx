import {
  Clipboard,
  Dialog,
  Notification,
  ReactWidget,
  showDialog
} from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { plainText } from '../plainText';
import { problemLine, problemOf } from '../problem';
import type { IProfileService } from '../tokens';

/** Have everything examined, and show the report. */
export async function showDoctor(
  service: IProfileService,
  trans: TranslationBundle
): Promise<void> {
  const waiting = Notification.emit(
    trans.__('Examining scheduler, MPI and profiles…'),
    'in-progress',
    { autoClose: false }
  );
  let text: string;
  try {
    ({ text } = await service.doctor());
  } catch (error) {
    Notification.error(plainText(problemLine(problemOf(error, trans), trans)));
    return;
  } finally {
    Notification.dismiss(waiting);
  }
  const result = await showDialog({
    title: trans.__('Engines Doctor'),
    body: ReactWidget.create(<DoctorReportView text={text} trans={trans} />),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Close') }),
      Dialog.okButton({ label: trans.__('Copy') })
    ]
  });
  if (result.button.accept) {
    Clipboard.copyToSystem(text);
  }
}

/** The report, as it can be pasted. */
export function DoctorReportView(props: {
  text: string;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { text, trans } = props;
  return (
    <div className="jp-Engines-DialogBody jp-Engines-Doctor">
      <p>
        {trans.__(
          'Secrets are taken out: it can be pasted into a message to your site or into a bug report.'
        )}
      </p>
      <pre tabIndex={0} aria-label={trans.__('Report')}>
        {text}
      </pre>
    </div>
  );
}
