/** Tells whether the result of a step still fits what it was made from. */
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs';
import path from 'node:path';

import { REPO } from './paths.mjs';

const LEFT_OUT = new Set([
  'node_modules',
  '__pycache__',
  '__tests__',
  '.ipynb_checkpoints'
]);

function* filesBelow(entry) {
  let status;
  try {
    status = statSync(entry);
  } catch (error) {
    if (error.code === 'ENOENT') {
      return;
    }
    throw error;
  }
  if (!status.isDirectory()) {
    yield entry;
    return;
  }
  for (const name of readdirSync(entry).sort()) {
    if (!LEFT_OUT.has(name)) {
      yield* filesBelow(path.join(entry, name));
    }
  }
}

/**
 * Return a hash of the content and names of files and folders, given relative to the repository,
 * and of further `facts` (strings). Unit tests in the folders do not count.
 */
export function fingerprint(entries, facts = []) {
  const hash = createHash('sha256');
  for (const entry of entries) {
    for (const file of filesBelow(path.join(REPO, entry))) {
      hash
        .update(path.relative(REPO, file))
        .update('\0')
        .update(readFileSync(file))
        .update('\0');
    }
  }
  facts.forEach(fact => hash.update(String(fact)).update('\0'));
  return hash.digest('hex');
}

/** Tell whether the stamp in `file` is `value`. */
export function isStamped(file, value) {
  try {
    return readFileSync(file, 'utf8') === value;
  } catch (error) {
    if (error.code === 'ENOENT') {
      return false;
    }
    throw error;
  }
}

/** Write the stamp `value`: the step it stands for is complete. */
export function stamp(file, value) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, value);
}

/** Take the stamp away before a step that may stop half way. */
export function unstamp(file) {
  rmSync(file, { force: true });
}
