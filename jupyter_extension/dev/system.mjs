/** Installs Debian packages where that is possible without asking anyone. */
import { REPO, which } from './paths.mjs';
import { SetupError, run, runLogged } from './processes.mjs';

/** Return how to run a command as root: `[]` when we are, `['sudo', '-n']` when it asks no password, else null. */
async function privilege() {
  if (process.getuid() === 0) {
    return [];
  }
  if (
    which('sudo') &&
    (await run('sudo', ['-n', 'true'], { stdio: 'capture' })).code === 0
  ) {
    return ['sudo', '-n'];
  }
  return null;
}

/**
 * Install Debian packages, or explain how to.
 *
 * @param packages - names of packages; the first that the system knows is installed.
 * @param why - a sentence about what is missing.
 * @throws SetupError if this is no Debian, we may not install, or the installation fails.
 */
export async function installOneOf(packages, why, log) {
  const command = `sudo apt-get update && sudo apt-get install -y ${packages[0]}`;
  const byHand = `${why}\nInstall it, then try again. On Debian or Ubuntu:\n\n    ${command}\n`;
  const apt = which('apt-get');
  const root = apt && (await privilege());
  if (!apt || !root) {
    throw new SetupError(byHand);
  }
  console.log(`  ${why} Installing it with apt-get.`);
  const [first, ...before] = [...root, apt];
  const options = {
    cwd: REPO,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  };
  try {
    await runLogged(
      'apt-get update',
      log,
      first,
      [...before, 'update'],
      options
    );
    const failures = [];
    for (const name of packages) {
      const args = [
        ...before,
        'install',
        '-y',
        '--no-install-recommends',
        name
      ];
      try {
        await runLogged(`Installing ${name}`, log, first, args, {
          ...options,
          append: true
        });
        return;
      } catch (error) {
        failures.push(error.message);
      }
    }
    throw new SetupError(failures[0]);
  } catch (error) {
    throw new SetupError(`${byHand}\n${error.message}`);
  }
}
