/** What the test command says: each stage under its title, and a table of all at the end. */

/**
 * Do one stage and count it.
 *
 * @param work - returns `{passed, failed, skipped}`; gets `say`.
 * @param say - called with each line; programs that `work` runs may write for themselves.
 * @returns its row for the summary. Throws only when we were told to stop.
 */
export async function timed(title, work, say = console.log) {
  say(`\n=== ${title}`);
  const started = Date.now();
  let counts;
  try {
    counts = await work(say);
    if (counts.passed + counts.failed === 0) {
      say('No test ran: that is a failure.');
      counts.failed = 1;
    }
  } catch (error) {
    if (process.exitCode) {
      throw error; // we were told to stop
    }
    say(error.name === 'SetupError' ? error.message : error.stack);
    counts = { passed: 0, failed: 1, skipped: 0 };
  }
  return { title, ...counts, seconds: (Date.now() - started) / 1000 };
}

/**
 * Do two stages at once: `live` speaks as it goes, and what `held` says follows when both are done.
 *
 * @param live, held - functions of `say` that return a row.
 * @returns [row of `live`, row of `held`]
 */
export async function together(live, held) {
  const said = [];
  try {
    return await Promise.all([
      live(console.log),
      held(text => said.push(text))
    ]);
  } finally {
    said.forEach(text => console.log(text));
  }
}

/**
 * Print the table of `rows` and how long the whole took; stages that ran at once count once in that.
 *
 * @returns the exit code.
 */
export function summary(rows, seconds) {
  const width = Math.max(...rows.map(row => row.title.length));
  console.log('\nSummary');
  for (const row of rows) {
    const numbers = [row.passed, row.failed, row.skipped].map(n =>
      String(n).padStart(5)
    );
    const counts = `${numbers[0]} passed ${numbers[1]} failed ${numbers[2]} skipped`;
    console.log(
      `  ${row.title.padEnd(width)}  ${counts}  ${row.seconds.toFixed(1).padStart(7)} s`
    );
  }
  const total = { passed: 0, failed: 0, skipped: 0 };
  rows.forEach(row =>
    Object.keys(total).forEach(key => (total[key] += row[key]))
  );
  console.log(
    `  ${'all'.padEnd(width)}  in ${(seconds / 60).toFixed(1)} minutes\n`
  );
  const skipped = total.skipped ? `, ${total.skipped} skipped` : '';
  console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
  return total.failed === 0 ? 0 : 1;
}
