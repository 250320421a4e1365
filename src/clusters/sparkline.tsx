import * as React from 'react';

const WIDTH = 120;
const HEIGHT = 32;
/** Points that are farther apart, in seconds, are not joined: nobody measured between them. */
const GAP = 20;

export interface ISample {
  /** Seconds since 1970-01-01 UTC. */
  at: number;
  value: number | null;
}

export interface ISparklineProps {
  samples: readonly ISample[];
  /** The right edge, in seconds. */
  now: number;
  /** How much time it shows, in seconds. */
  span: number;
  /** What stands at the top, if no sample is higher. */
  top: number;
  title: string;
  /** The newest value, in words. */
  current: string;
  /** All that the line shows, in words, for who cannot see it. */
  summary: string;
}

/** A line over time, small enough for many; its words say the same. */
export const Sparkline = React.memo(
  (props: ISparklineProps): React.JSX.Element => (
    <figure className="jp-Engines-Spark" title={props.summary}>
      <figcaption>
        {props.title} <strong>{props.current}</strong>
      </figcaption>
      <svg
        role="img"
        aria-label={props.summary}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
      >
        <line
          className="jp-Engines-Spark-base"
          x1={0}
          x2={WIDTH}
          y1={HEIGHT - 0.5}
          y2={HEIGHT - 0.5}
        />
        <path className="jp-Engines-Spark-line" d={pathOf(props)} />
      </svg>
    </figure>
  )
);
Sparkline.displayName = 'Sparkline';

/** Return the path through some samples; a lone one is a short dash. */
export function pathOf({
  samples,
  now,
  span,
  top
}: Pick<ISparklineProps, 'now' | 'samples' | 'span' | 'top'>): string {
  const highest = Math.max(top, ...samples.map(({ value }) => value ?? 0)) || 1;
  const parts: string[] = [];
  let before: number | null = null;
  for (const { at, value } of samples) {
    if (value === null || at < now - span) {
      before = null;
      continue;
    }
    const x = Math.min(WIDTH, WIDTH * (1 - (now - at) / span)).toFixed(1);
    const y = (HEIGHT - 1 - (HEIGHT - 2) * (value / highest)).toFixed(1);
    parts.push(
      before === null || at - before > GAP ? `M${x} ${y}h0.5` : `L${x} ${y}`
    );
    before = at;
  }
  return parts.join('');
}
