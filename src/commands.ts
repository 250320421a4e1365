import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { enginesIcon } from './icons';

export namespace CommandIDs {
  export const openPanel = 'engines:open-panel';
  export const startCluster = 'engines:start-cluster';
  export const stopCluster = 'engines:stop-cluster';
  export const restartCluster = 'engines:restart-cluster';
  export const interruptEngines = 'engines:interrupt-engines';
  export const restartEngines = 'engines:restart-engines';
  export const showEngines = 'engines:show-engines';
  export const dismissCluster = 'engines:dismiss-cluster';
  export const connectNotebook = 'engines:connect-notebook';
  export const reattachNotebook = 'engines:reattach-notebook';
  export const showLog = 'engines:show-log';
  export const newProfile = 'engines:new-profile';
  export const editProfile = 'engines:edit-profile';
  export const doctor = 'engines:doctor';
}

/** What the commands call; each asks for what it is not told. */
export interface ICommandServices {
  openPanel: () => void;
  canOpenPanel: () => boolean;
  start: (profile?: string, engines?: number) => Promise<void>;
  canStart: () => boolean;
  stop: (key?: string) => Promise<boolean>;
  canStop: () => boolean;
  restart: (key?: string) => Promise<void>;
  canRestart: () => boolean;
  interrupt: (key?: string) => Promise<void>;
  canInterrupt: () => boolean;
  restartEngines: (key?: string) => Promise<void>;
  canRestartEngines: () => boolean;
  showEngines: (key?: string) => Promise<void>;
  canShowEngines: () => boolean;
  dismiss: (key?: string) => Promise<void>;
  canDismiss: () => boolean;
  connect: (key?: string, path?: string) => Promise<void>;
  canConnect: () => boolean;
  reattach: (path?: string) => Promise<void>;
  canReattach: (path?: string) => boolean;
  showLog: (key?: string) => Promise<void>;
  canShowLog: () => boolean;
  newProfile: () => void;
  canMakeProfile: () => boolean;
  editProfile: (name?: string) => Promise<void>;
  canEditProfile: () => boolean;
  doctor: () => Promise<void>;
  canExamine: () => boolean;
}

/** Add all commands. */
export function addCommands(
  commands: CommandRegistry,
  services: ICommandServices,
  trans: TranslationBundle
): void {
  const keyArgs = {
    type: 'object',
    properties: {
      key: {
        type: 'string',
        description: trans.__(
          'The cluster’s key, as on its card; asked for if left out.'
        )
      }
    }
  } as const;
  const path = {
    type: 'string',
    description: trans.__('Path of the notebook; the current one if left out.')
  } as const;

  commands.addCommand(CommandIDs.openPanel, {
    label: trans.__('Show Engines'),
    caption: trans.__('Show the panel that starts and stops engines'),
    // The launcher's card; menus of JupyterLab have no icons for panels.
    icon: args => (args.isMenu === true ? undefined : enginesIcon),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          isMenu: {
            type: 'boolean',
            description: trans.__('Whether it is shown in a menu.')
          }
        }
      }
    },
    isEnabled: () => services.canOpenPanel(),
    execute: () => services.openPanel()
  });

  commands.addCommand(CommandIDs.startCluster, {
    label: trans.__('Start Engines…'),
    caption: trans.__('Start a controller and MPI engines'),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          profile: {
            type: 'string',
            description: trans.__(
              'Name of the IPython profile; asked for if left out.'
            )
          },
          engines: {
            type: 'integer',
            minimum: 1,
            description: trans.__('How many engines; asked for if left out.')
          }
        }
      }
    },
    isEnabled: () => services.canStart(),
    execute: args => services.start(text(args, 'profile'), count(args))
  });

  commands.addCommand(CommandIDs.stopCluster, {
    label: trans.__('Stop Engines…'),
    caption: trans.__('End a cluster’s controller and all its engines'),
    describedBy: { args: keyArgs },
    isEnabled: () => services.canStop(),
    execute: args => services.stop(text(args, 'key'))
  });

  commands.addCommand(CommandIDs.restartCluster, {
    label: trans.__('Start Cluster Again…'),
    caption: trans.__(
      'Start a cluster again with the same profile and number of engines'
    ),
    describedBy: { args: keyArgs },
    isEnabled: () => services.canRestart(),
    execute: args => services.restart(text(args, 'key'))
  });

  commands.addCommand(CommandIDs.interruptEngines, {
    label: trans.__('Interrupt Engines…'),
    caption: trans.__(
      'Interrupt what the engines of a cluster do; they and their variables stay'
    ),
    describedBy: { args: keyArgs },
    isEnabled: () => services.canInterrupt(),
    execute: args => services.interrupt(text(args, 'key'))
  });

  commands.addCommand(CommandIDs.restartEngines, {
    label: trans.__('Restart Engines…'),
    caption: trans.__(
      'End all engines of a cluster and start them anew; controller and job stay'
    ),
    describedBy: { args: keyArgs },
    isEnabled: () => services.canRestartEngines(),
    execute: args => services.restartEngines(text(args, 'key'))
  });

  commands.addCommand(CommandIDs.showEngines, {
    label: trans.__('Show Engine Table…'),
    caption: trans.__('Show what each engine of a cluster does and uses'),
    describedBy: { args: keyArgs },
    isEnabled: () => services.canShowEngines(),
    execute: args => services.showEngines(text(args, 'key'))
  });

  commands.addCommand(CommandIDs.dismissCluster, {
    label: trans.__('Dismiss Stopped Engines…'),
    caption: trans.__('Remove a stopped or failed cluster and its logs'),
    describedBy: { args: keyArgs },
    isEnabled: () => services.canDismiss(),
    execute: args => services.dismiss(text(args, 'key'))
  });

  commands.addCommand(CommandIDs.connectNotebook, {
    label: args => {
      const key = text(args, 'key');
      return key === undefined
        ? trans.__('Connect Notebook to Engines…')
        : trans.__('Connect to %1', key);
    },
    caption: trans.__('Connect the current notebook’s kernel to engines'),
    describedBy: {
      args: { ...keyArgs, properties: { ...keyArgs.properties, path } }
    },
    isEnabled: () => services.canConnect(),
    execute: args => services.connect(text(args, 'key'), text(args, 'path'))
  });

  commands.addCommand(CommandIDs.reattachNotebook, {
    label: trans.__('Reattach Notebook to Engines'),
    caption: trans.__(
      'Connect the notebook again to the engines it had before its kernel restarted'
    ),
    describedBy: { args: { type: 'object', properties: { path } } },
    isEnabled: args => services.canReattach(text(args, 'path')),
    execute: args => services.reattach(text(args, 'path'))
  });

  commands.addCommand(CommandIDs.showLog, {
    label: trans.__('Show Engine Logs…'),
    caption: trans.__('Show what engines, controller and job have written'),
    describedBy: { args: keyArgs },
    isEnabled: () => services.canShowLog(),
    execute: args => services.showLog(text(args, 'key'))
  });

  commands.addCommand(CommandIDs.newProfile, {
    label: trans.__('New PBS Profile…'),
    caption: trans.__('Say how engines run under the batch system'),
    describedBy: { args: { type: 'object', properties: {} } },
    isEnabled: () => services.canMakeProfile(),
    execute: () => services.newProfile()
  });

  commands.addCommand(CommandIDs.editProfile, {
    label: trans.__('Edit PBS Profile…'),
    caption: trans.__('Change the settings that a job’s script is made from'),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          name: {
            type: 'string',
            description: trans.__('Name of the profile; asked for if left out.')
          }
        }
      }
    },
    isEnabled: () => services.canEditProfile(),
    execute: args => services.editProfile(text(args, 'name'))
  });

  commands.addCommand(CommandIDs.doctor, {
    label: trans.__('Engines Doctor…'),
    caption: trans.__(
      'Examine scheduler, MPI and profiles, for a report without secrets'
    ),
    describedBy: { args: { type: 'object', properties: {} } },
    isEnabled: () => services.canExamine(),
    execute: () => services.doctor()
  });
}

function text(
  args: ReadonlyPartialJSONObject,
  name: string
): string | undefined {
  const value = args[name];
  return typeof value === 'string' ? value : undefined;
}

/** Return the argument `engines`; what is wrong with a number is for the service to say. */
function count(args: ReadonlyPartialJSONObject): number | undefined {
  const value = args.engines;
  return typeof value === 'number' ? value : undefined;
}
