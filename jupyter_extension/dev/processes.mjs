/** Running other programs so that none of them outlives us. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';

import { REPO, environment } from './paths.mjs';

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const GRACE_MS = 15_000;
const PARENT_CHECK_MS = 500;

/** A failure that is explained to the user in words, without a stack. */
export class SetupError extends Error {
  constructor(message) {
    super(message);
    this.name = 'SetupError';
  }
}

/**
 * Call `stop` with a signal's name each time we are told to end, until the returned function is called.
 *
 * The death of npm, when it started us, counts as SIGHUP: killed with SIGKILL it cannot pass anything on.
 */
export function onStop(stop) {
  STOP_SIGNALS.forEach(signal => process.on(signal, stop));
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.env.npm_lifecycle_event && process.ppid !== parent) {
      clearInterval(timer);
      stop('SIGHUP');
    }
  }, PARENT_CHECK_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    STOP_SIGNALS.forEach(signal => process.off(signal, stop));
  };
}

const running = new Set();
let stopping = false;
let stopListening = () => {};

/** Send `signal` to the process group of `child`. */
export function signalGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') {
      throw error;
    }
  }
}

function endGroup(child) {
  signalGroup(child, 'SIGTERM');
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), GRACE_MS);
  child.once('close', () => clearTimeout(timer));
}

function endAll(signal) {
  if (stopping) {
    return;
  }
  stopping = true;
  process.exitCode = 128 + constants.signals[signal];
  for (const child of running) {
    endGroup(child);
  }
}

/**
 * Run a program in a process group of its own and wait for its end.
 *
 * The group is ended when we are (Ctrl-C, SIGTERM, a closed terminal), and after `timeoutMs`.
 * Its input is empty. `stdio` is where its output goes: `inherit`, `capture` (returned as `output`)
 * or a descriptor.
 *
 * @returns {Promise<{code: number, output: string, timedOut: boolean}>} `code` is 128 + n after signal n.
 */
export function run(
  command,
  args,
  { cwd = REPO, env, stdio = 'inherit', timeoutMs } = {}
) {
  if (stopping) {
    return Promise.reject(new SetupError('Stopped.'));
  }
  if (running.size === 0) {
    stopListening = onStop(endAll);
  }
  const sink = stdio === 'capture' ? 'pipe' : stdio;
  const child = spawn(command, args, {
    cwd,
    env: env ?? environment(),
    detached: true,
    stdio: ['ignore', sink, sink]
  });
  running.add(child);
  const chunks = [];
  child.stdout?.on('data', chunk => chunks.push(chunk));
  child.stderr?.on('data', chunk => chunks.push(chunk));
  let timedOut = false;
  const timer =
    timeoutMs &&
    setTimeout(() => {
      timedOut = true;
      endGroup(child);
    }, timeoutMs);
  return new Promise((resolve, reject) => {
    const finish = () => {
      clearTimeout(timer);
      running.delete(child);
      if (running.size === 0) {
        stopListening();
      }
    };
    child.once('error', error => {
      finish();
      reject(new SetupError(`Cannot run ${command}: ${error.message}`));
    });
    child.once('close', (status, signal) => {
      finish();
      if (stopping) {
        reject(new SetupError('Stopped.'));
        return;
      }
      const code = signal ? 128 + constants.signals[signal] : status;
      resolve({
        code,
        output: Buffer.concat(chunks).toString('utf8'),
        timedOut
      });
    });
  });
}

/**
 * Run a program with its output in the file `log`; on failure throw its last lines.
 *
 * @param what - names the step in the error.
 */
export async function runLogged(what, log, command, args, options = {}) {
  mkdirSync(path.dirname(log), { recursive: true });
  const descriptor = openSync(log, options.append ? 'a' : 'w');
  let result;
  try {
    result = await run(command, args, { ...options, stdio: descriptor });
  } finally {
    closeSync(descriptor);
  }
  if (result.code !== 0) {
    const tail = readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .slice(-40)
      .join('\n');
    throw new SetupError(
      `${what} failed (exit code ${result.code}): ${command} ${args.join(' ')}\n` +
        `The end of its output, all of it is in ${path.relative(REPO, log)}:\n\n${tail}`
    );
  }
}
