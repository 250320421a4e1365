/** The rig during one run of the test command. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

import { DEV } from '../paths.mjs';
import { judge } from './facts.mjs';
import { bringUp, readDescription } from './lifecycle.mjs';

const OUTCOMES = { skip: 'skipped', fail: 'failed' };

/** Brings the rig up in the background; takes it down at the end if it was not up before. */
export class RigSession {
  constructor() {
    this._wasUp = readDescription() !== null;
    this._begun = bringUp({ say: what => console.log(`rig: ${what} …`) }).then(
      rig => ({ rig }),
      error => ({ error })
    );
  }

  /** Wait until the rig is up, or is known not to come; say which. Never throws: the tests go on without. */
  async ready() {
    const { rig, error } = await this._begun;
    if (rig) {
      const root = rig.why_root ? `, because ${rig.why_root}` : '';
      console.log(`rig: Slurm is up, jobs run as ${rig.user}${root}`);
    } else {
      console.error(`rig: ${error.message}`);
    }
  }

  /**
   * Take the rig down if this session brought it up.
   *
   * @returns counts for the summary: one test, which is that all of it came and went.
   */
  async end() {
    const { error } = await this._begun;
    if (error?.cannot) {
      const verdict = judge(error.message, process.env);
      return { passed: 0, failed: 0, skipped: 0, [OUTCOMES[verdict]]: 1 };
    }
    const isDown = this._wasUp || (await this._down());
    return error || !isDown
      ? { passed: 0, failed: 1, skipped: 0 }
      : { passed: 1, failed: 0, skipped: 0 };
  }

  /** In a process of its own: when we were told to stop we start no more programs, but this has to happen. */
  async _down() {
    const main = path.join(DEV, 'main.mjs');
    const child = spawn(process.execPath, [main, 'rig', 'down'], {
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit']
    });
    const [code] = await once(child, 'close');
    return code === 0;
  }
}
