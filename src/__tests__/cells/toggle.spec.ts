import { NotebookActions } from '@jupyterlab/notebook';
import { ChosenCells } from '../../cells/chosenCells';
import { PxToggle } from '../../cells/toggle';
import { refusedWords } from '../../cells/words';
import { trans } from '../fakes';
import { SimulatedNotebook, trackerOf } from '../kernels/simulatedNotebook';

describe('the toggle of cells', () => {
  let simulated: SimulatedNotebook;
  let chosen: ChosenCells;
  const toggle = new PxToggle();
  const run = () => toggle.toggle(chosen.cellsOf(undefined));

  /** Make the notebook's cells; all of them selected. */
  function fill(...sources: string[]): void {
    const { notebook } = simulated;
    for (let index = 0; index < sources.length; index++) {
      if (notebook.widgets.length <= index) {
        NotebookActions.insertBelow(notebook);
      }
      notebook.widgets[index]?.model.sharedModel.setSource(
        sources[index] ?? ''
      );
    }
    NotebookActions.selectAll(notebook);
    notebook.widgets.forEach(({ model }) =>
      model.sharedModel.clearUndoHistory()
    );
  }

  beforeEach(() => {
    simulated = new SimulatedNotebook('a.ipynb');
    chosen = new ChosenCells({
      tracker: trackerOf(simulated),
      currentWidget: () => simulated.panel,
      widgetOf: () => null,
      currentChanged: undefined
    });
  });

  afterEach(() => {
    chosen.dispose();
  });

  it('puts the line in and takes it out of all selected cells', () => {
    fill('a = 1', '%%px --block\nb = 2', '');
    expect(run()).toEqual({ isOn: true, changed: 2, refused: [] });
    expect(simulated.cells).toEqual([
      '%%px\na = 1',
      '%%px --block\nb = 2',
      '%%px\n'
    ]);
    expect(toggle.isOn(chosen.cellsOf(undefined))).toBe(true);
    expect(run()).toEqual({ isOn: false, changed: 3, refused: [] });
    expect(simulated.cells).toEqual(['a = 1', 'b = 2', '']);
    run();
    expect(simulated.cells[1]).toBe('%%px --block\nb = 2');
  });

  it('is one step to undo, apart from what was typed before and after', () => {
    fill('');
    const shared = simulated.notebook.widgets[0]?.model.sharedModel;
    shared?.updateSource(0, 0, 'typed');
    run();
    shared?.updateSource(10, 10, ' more');
    expect(simulated.cells).toEqual(['%%px\ntyped more']);
    shared?.undo();
    expect(simulated.cells).toEqual(['%%px\ntyped']);
    shared?.undo();
    expect(simulated.cells).toEqual(['typed']);
    shared?.redo();
    expect(simulated.cells).toEqual(['%%px\ntyped']);
  });

  it('leaves cells as they are that cannot run there, and says why', () => {
    fill('a', 'status = %px b = 1', '%%px_x\nc', 'd', '%engines');
    simulated.notebook.widgets[0]?.model.setMetadata('editable', false);
    const { refused, changed } = run();
    expect(changed).toBe(1);
    expect(simulated.cells[3]).toBe('%%px\nd');
    expect(refusedWords(refused, trans)).toBe(
      'Cell 1 is read-only, and its first line says where it runs. ' +
        'Cell 2 has %px, which works in this kernel and is not known to the engines. ' +
        'Put it into a cell of its own. ' +
        'Cell 3 runs on the engines of another view, by %%px_x. ' +
        '1 more cell was left as it is.'
    );
  });

  it('is for code cells in Python', () => {
    fill('a', '# b');
    simulated.notebook.deselectAll();
    simulated.notebook.activeCellIndex = 1;
    NotebookActions.changeCellType(simulated.notebook, 'markdown');
    expect(chosen.cellsOf(undefined)).toEqual([]);
    expect(toggle.isOn(chosen.cellsOf(undefined))).toBe(false);
    simulated.notebook.activeCellIndex = 0;
    expect(chosen.cellsOf(undefined)).toHaveLength(1);
    simulated.notebook.model?.setMetadata('language_info', { name: 'R' });
    expect(chosen.cellsOf(undefined)).toEqual([]);
    simulated.notebook.model?.setMetadata('language_info', { name: 'python' });
    expect(chosen.cellsOf(undefined)).toHaveLength(1);
  });
});
