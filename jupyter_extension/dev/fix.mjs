/** `npm run fix`: mends what `npm run check` finds and can mend; `npm run api` is `fix -- api`. */
import { runChecks } from './check.mjs';
import { setUp } from './setup.mjs';

export async function main(args) {
  await setUp({ build: false }); // what is mended may be why it cannot be built
  return (await runChecks(args, 'mend')).failed ? 1 : 0;
}
