/** Names of the nodes in /etc/hosts: added by `up`, taken away by `down`. */
import { readFileSync, writeFileSync } from 'node:fs';

import { run } from '../processes.mjs';
import { machineName } from './config.mjs';
import { MARK, NODES } from './places.mjs';

const HOSTS = '/etc/hosts';

/** Return the text of a hosts file without our lines. */
export function withoutOurs(text) {
  return text
    .split('\n')
    .filter(line => !line.endsWith(`# ${MARK}`))
    .join('\n');
}

/** Return the text of a hosts file with our lines for `entries`, pairs of address and name. */
export function withOurs(text, entries) {
  const rest = withoutOurs(text);
  const lines = entries.map(
    ([address, name]) => `${address} ${name} # ${MARK}`
  );
  const gap = rest === '' || rest.endsWith('\n') ? '' : '\n';
  return [rest + gap + lines.join('\n'), ''].join('\n');
}

async function resolves(name) {
  return (
    (await run('getent', ['hosts', name], { stdio: 'capture' })).code === 0
  );
}

// In place, not by renaming: in containers the file is a mount of its own.
function rewrite(change) {
  const before = readFileSync(HOSTS, 'utf8');
  const after = change(before);
  if (after !== before) {
    writeFileSync(HOSTS, after);
  }
}

/** Make the names of the nodes, and this machine's own, resolve. */
export async function addHosts() {
  const entries = NODES.map(({ address, name }) => [address, name]);
  const text = readFileSync(HOSTS, 'utf8');
  const own = `127.0.0.1 ${machineName()} # ${MARK}`;
  if (text.includes(own) || !(await resolves(machineName()))) {
    entries.unshift(['127.0.0.1', machineName()]);
  }
  rewrite(before => withOurs(before, entries));
}

/** Take our lines away. */
export function removeHosts() {
  rewrite(withoutOurs);
}

/** Return our lines that are still there. */
export function hostsLeft() {
  const lines = readFileSync(HOSTS, 'utf8').split('\n');
  return lines.filter(line => line.endsWith(`# ${MARK}`));
}
