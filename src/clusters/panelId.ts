/** Id of the sidebar panel in the shell. */
export const PANEL_ID = 'jupyterlab-engines-panel';
