/** What a trace of the browser tells. */

/** How long something took by the clock, and how long the page's main thread worked for it. */
export interface ITimes {
  wall: number;
  cpu: number;
}

interface ITraceEvent {
  name: string;
  pid: number;
  tid: number;
  /** Microseconds by the clock, and of the thread. */
  dur?: number;
  tdur?: number;
  args: { name?: string };
}

/** Return the longest task of a page's main thread in a trace, by the time the thread worked. */
export function longestTask(trace: Buffer): ITimes {
  const { traceEvents: events } = JSON.parse(trace.toString()) as {
    traceEvents: ITraceEvent[];
  };
  const main = new Set(
    events
      .filter(
        ({ args, name }) =>
          name === 'thread_name' && args.name === 'CrRendererMain'
      )
      .map(({ pid, tid }) => `${pid} ${tid}`)
  );
  return events
    .filter(
      ({ name, pid, tid }) =>
        name.endsWith('RunTask') && main.has(`${pid} ${tid}`)
    )
    .map(({ dur = 0, tdur = 0 }) => ({ wall: dur / 1000, cpu: tdur / 1000 }))
    .reduce((most, task) => (task.cpu > most.cpu ? task : most), {
      wall: NaN,
      cpu: 0
    });
}
