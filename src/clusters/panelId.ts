/** Id of the sidebar panel in the shell. */
export const PANEL_ID = 'jupyterlab-engines-panel';
/** The command that chooses what the panel's form starts. */
export const CHOOSE_PROFILE = 'engines:choose-profile';
