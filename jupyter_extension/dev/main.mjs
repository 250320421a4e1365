/**
 * Entry of every npm script: `node jupyter_extension/dev/main.mjs COMMAND [ARGUMENTS…]`.
 *
 * Runs on a fresh clone, so it and what it imports use nothing but Node's own modules. This file is
 * also what an old Node meets first: it keeps to syntax of Node 12, so that the answer is a sentence.
 */
const OLDEST_NODE = 20;

const COMMANDS = {
  start: './start.mjs',
  test: './test.mjs',
  check: './check.mjs',
  fix: './fix.mjs',
  setup: './setup.mjs',
  build: './build.mjs',
  rig: './rig/rig.mjs',
  'bench-panel': './bench_panel.mjs',
  tutorial: './tutorial.mjs',
  python: './script.mjs'
};

async function main() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < OLDEST_NODE) {
    console.error(
      'jupyterlab-engines needs Node ' +
        OLDEST_NODE +
        ' or newer; this is Node ' +
        process.versions.node +
        ' (' +
        process.execPath +
        '). Install a newer one from nodejs.org or your package manager.'
    );
    return 1;
  }
  const name = process.argv[2];
  if (!Object.prototype.hasOwnProperty.call(COMMANDS, name)) {
    console.error(
      'Unknown command ' +
        name +
        '. Known: ' +
        Object.keys(COMMANDS).join(', ') +
        '.'
    );
    return 2;
  }
  const command = await import(COMMANDS[name]);
  return command.main(process.argv.slice(3));
}

main().then(
  code => {
    process.exitCode = code;
  },
  error => {
    // An expected failure explains itself; anything else is a fault of these scripts and shows where.
    console.error(error.name === 'SetupError' ? '\n' + error.message : error);
    process.exitCode = process.exitCode || 1;
  }
);
