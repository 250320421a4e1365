/** What is written in C, compiled; without a C compiler there is none, and all runs in Python. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { CACHE, DEV, PYTHON, SOURCES, which } from './paths.mjs';
import { runLogged } from './processes.mjs';
import { fingerprint, isStamped, stamp, unstamp } from './stamps.mjs';

const LOG = path.join(CACHE, 'setup', 'kernel.log');
const STAMP = path.join(CACHE, 'setup', 'kernel');
const LIBRARY = path.join(SOURCES, 'pxengines', 'mpi', 'libkernel.so');

/** Compile it when its source or the compiler changed. */
export async function setUpKernel(say) {
  const inputs = [
    'jupyter_extension/pxengines/mpi/exact_kernel.c',
    'jupyter_extension/pxengines/mpi/lane_kernel.c',
    'jupyter_extension/dev/build_kernel.py'
  ];
  const compilers = ['cc', 'gcc', 'clang'].map(name => which(name));
  const facts = [
    process.platform,
    process.arch,
    process.env.CC ?? '',
    ...compilers
  ];
  const wanted = fingerprint(inputs, facts);
  const complete = () => `${wanted} ${existsSync(LIBRARY)}`;
  if (isStamped(STAMP, complete())) {
    return;
  }
  say('compiling the kernel');
  unstamp(STAMP);
  await runLogged('Compiling the kernel', LOG, PYTHON, [
    path.join(DEV, 'build_kernel.py')
  ]);
  if (!existsSync(LIBRARY)) {
    console.log(readFileSync(LOG, 'utf8').trimEnd());
  }
  stamp(STAMP, complete());
}
