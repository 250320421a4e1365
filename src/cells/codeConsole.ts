/** Code consoles, known by what they are made of: their package is not in every application. */
import type { ISessionContext } from '@jupyterlab/apputils';
import { CodeCell } from '@jupyterlab/cells';
import type { ICellModel } from '@jupyterlab/cells';
import type { ISignal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';

/** All of a code console that is used here. */
export interface ICodeConsole extends Widget {
  /** What the user types into. */
  readonly promptCell: CodeCell | null;
  readonly promptCellCreated: ISignal<unknown, CodeCell>;
  /** What was run. */
  readonly cells: Iterable<{ readonly model: ICellModel }>;
  readonly executed: ISignal<unknown, unknown>;
  readonly sessionContext: ISessionContext;
  /** Run a line as if it had been typed. */
  inject(code: string): Promise<void>;
}

/** Return the console that a widget of the main area holds; null: none. */
export function consoleOf(widget: Widget | null): ICodeConsole | null {
  const held: unknown = widget === null ? null : Reflect.get(widget, 'console');
  return isConsole(held) ? held : null;
}

function isConsole(value: unknown): value is ICodeConsole {
  return (
    typeof value === 'object' &&
    value !== null &&
    'promptCell' in value &&
    (value.promptCell === null || value.promptCell instanceof CodeCell) &&
    'promptCellCreated' in value &&
    'cells' in value &&
    'executed' in value &&
    'sessionContext' in value &&
    'inject' in value
  );
}
