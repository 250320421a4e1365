/** `npm start`: the set-up, then JupyterLab with the tutorial open and the Engines panel showing. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync
} from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';

import { CACHE, PYTHON, REPO, environment } from './paths.mjs';
import { SetupError, onStop, signalGroup } from './processes.mjs';
import { setUp } from './setup.mjs';

const TUTORIAL = 'examples/mpi_tutorial.ipynb';
/** The id that the panel has in the layout (src/clusters/panelId.ts). */
const PANEL = 'jupyterlab-engines-panel';
const HOME = path.join(CACHE, 'start');
const WORKSPACES = path.join(HOME, 'workspaces');
const ROOT = path.join(HOME, 'notebooks');
const COPIES = path.join(HOME, 'copies.json');
/** How JupyterLab names the file of the workspace `default`: the name and a checksum of it. */
const DEFAULT_WORKSPACE = 'default-37a8.jupyterlab-workspace';

/** Longer than stopping a cluster takes, its own time limits included. */
const STOP_SECONDS = 90;
const TWICE_MS = 300;

function checksum(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/**
 * Copy the examples to where the user may change and save them, so that running the tutorial leaves
 * the clone clean. A copy that the user changed is kept.
 */
function copyExamples() {
  const known = existsSync(COPIES)
    ? JSON.parse(readFileSync(COPIES, 'utf8'))
    : {};
  const folder = path.join(REPO, path.dirname(TUTORIAL));
  const kept = [];
  for (const name of readdirSync(folder)) {
    const source = path.join(folder, name);
    if (!statSync(source).isFile()) {
      continue;
    }
    const relative = path.join(path.dirname(TUTORIAL), name);
    const copy = path.join(ROOT, relative);
    mkdirSync(path.dirname(copy), { recursive: true });
    const wanted = checksum(source);
    const present = existsSync(copy) ? checksum(copy) : null;
    if (present === null || present === known[relative]) {
      copyFileSync(source, copy);
      known[relative] = wanted;
    } else if (known[relative] !== wanted) {
      kept.push(relative);
    }
  }
  writeFileSync(COPIES, JSON.stringify(known));
  console.log(
    `Notebooks are in ${path.relative(REPO, ROOT)}: copies of examples/, yours to change.`
  );
  kept.forEach(name =>
    console.log(`  ${name} has a newer version; yours was changed and is kept.`)
  );
}

/** Write the layout that JupyterLab restores: the Engines panel on the left. */
function writeWorkspace() {
  const data = {
    'layout-restorer:data': {
      main: { dock: null },
      left: {
        collapsed: false,
        visible: true,
        current: PANEL,
        widgets: [PANEL]
      },
      right: { collapsed: true, visible: true, widgets: [] }
    }
  };
  mkdirSync(WORKSPACES, { recursive: true });
  const text = JSON.stringify({ data, metadata: { id: 'default' } });
  writeFileSync(path.join(WORKSPACES, DEFAULT_WORKSPACE), text);
}

function names(args, ...options) {
  return args.some(arg =>
    options.some(option => arg === option || arg.startsWith(`${option}=`))
  );
}

/** Return JupyterLab's command line: what the user passed, and our choices where they made none. */
function labArguments(args) {
  const ours = [];
  const opens = args.some(arg => !arg.startsWith('-') && existsSync(arg));
  const roots = [
    '--ServerApp.root_dir',
    '--ServerApp.notebook_dir',
    '--notebook-dir'
  ];
  if (!opens && !names(args, ...roots)) {
    copyExamples();
    ours.push(`--ServerApp.root_dir=${ROOT}`);
    if (!names(args, '--LabApp.default_url', '--ServerApp.default_url')) {
      ours.push(`--LabApp.default_url=/lab/tree/${TUTORIAL}`);
    }
  }
  if (!names(args, '--LabApp.workspaces_dir')) {
    writeWorkspace();
    ours.push(`--LabApp.workspaces_dir=${WORKSPACES}`);
  }
  if (
    process.getuid() === 0 &&
    !names(args, '--allow-root', '--ServerApp.allow_root')
  ) {
    console.log('You are root: JupyterLab is started with --allow-root.');
    ours.push('--allow-root');
  }
  return ['-m', 'jupyterlab', ...ours, ...args];
}

/**
 * Run JupyterLab until it ends and return its exit code.
 *
 * It gets a process group of its own, so that Ctrl-C in the terminal reaches it once, from here, as
 * the signal that makes it stop its kernels and clusters without asking.
 */
function runLab(args) {
  const child = spawn(PYTHON, labArguments(args), {
    cwd: REPO,
    env: environment(),
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit']
  });
  let asked = 0;
  let last = 0;
  let deadline;
  const stop = signal => {
    // One Ctrl-C arrives twice: from the terminal, and passed on by npm.
    const again = Date.now() - last < TWICE_MS;
    last = Date.now();
    if (again) {
      return;
    }
    asked += 1;
    if (asked === 1) {
      signalGroup(child, 'SIGTERM');
      deadline = setTimeout(
        () => signalGroup(child, 'SIGKILL'),
        STOP_SECONDS * 1000
      );
    } else if (signal === 'SIGINT' && asked === 2) {
      console.error(
        'JupyterLab is stopping kernels and clusters. Press Ctrl-C once more to kill it.'
      );
    } else if (signal === 'SIGINT') {
      signalGroup(child, 'SIGKILL');
    }
  };
  const stopListening = onStop(stop);
  return new Promise((resolve, reject) => {
    child.once('error', error =>
      reject(new SetupError(`Cannot start JupyterLab: ${error.message}`))
    );
    child.once('exit', (code, signal) => {
      stopListening();
      clearTimeout(deadline);
      resolve(signal ? 128 + constants.signals[signal] : code);
    });
  });
}

export async function main(args) {
  await setUp();
  return runLab(args);
}
