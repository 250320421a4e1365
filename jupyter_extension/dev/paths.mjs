/** Where things lie, and the environment that every program of this repository runs in. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const REPO = path.resolve(
  path.dirname(fileURLToPath(import.meta.url)),
  '..',
  '..'
);
export const VENV = path.join(REPO, '.venv');
export const PYTHON = path.join(VENV, 'bin', 'python');
export const CACHE = path.join(REPO, '.cache');
export const SOURCES = path.join(REPO, 'jupyter_extension');
export const DEV = path.join(SOURCES, 'dev');
export const LABEXTENSION = path.join(
  SOURCES,
  'jupyterlab_engines',
  'labextension'
);
export const UI_TESTS = path.join(REPO, 'ui-tests');

/** Return the environment with the virtual environment and the npm programs first on PATH. */
export function environment(extra = {}) {
  const environ = { ...process.env };
  // Set by a shell in which another environment is active; it would redirect our Python.
  delete environ.PYTHONHOME;
  // Set in many containers: each of the thousands of Pythons that tests start would compile our packages.
  delete environ.PYTHONDONTWRITEBYTECODE;
  environ.VIRTUAL_ENV = VENV;
  const first = [
    path.join(VENV, 'bin'),
    path.join(REPO, 'node_modules', '.bin')
  ];
  const rest = (environ.PATH ?? '')
    .split(path.delimiter)
    .filter(folder => !first.includes(folder));
  environ.PATH = [...first, ...rest].join(path.delimiter);
  return { ...environ, ...extra };
}

/** Return the path of the program `name` on `search`, or null. */
export function which(name, search = process.env.PATH ?? '') {
  for (const folder of search.split(path.delimiter)) {
    const candidate = path.join(folder, name);
    if (folder && existsSync(candidate)) {
      return candidate;
    }
  }
  return null;
}
