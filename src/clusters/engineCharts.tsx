import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { ActivityPoint } from '../api/generated';
import { CHART_SECONDS } from './activityStore';
import { cpuLabel, memoryWords } from './engineRows';
import { Sparkline } from './sparkline';

export interface IEngineChartsProps {
  points: readonly ActivityPoint[];
  /** How many engines there are. */
  engines: number;
  trans: TranslationBundle;
}

/** Busy engines, processor and memory over the last minutes. */
export const EngineCharts = React.memo(
  ({ points, engines, trans }: IEngineChartsProps): React.JSX.Element => {
    const last = points[points.length - 1];
    const now = last?.at ?? 0;
    const chart = (
      title: string,
      top: number,
      valueOf: (point: ActivityPoint) => number | null,
      words: (value: number | null) => string
    ) => {
      const samples = points.map(point => ({
        at: point.at,
        value: valueOf(point)
      }));
      const values = samples.flatMap(({ value }) =>
        value === null ? [] : [value]
      );
      const current = words(last === undefined ? null : valueOf(last));
      return (
        <Sparkline
          samples={samples}
          now={now}
          span={CHART_SECONDS}
          top={top}
          title={title}
          current={current}
          summary={trans.__(
            '%1: now %2; of the last 10 minutes at least %3, at most %4',
            title,
            current,
            words(values.length === 0 ? null : Math.min(...values)),
            words(values.length === 0 ? null : Math.max(...values))
          )}
        />
      );
    };
    return (
      <div className="jp-Engines-Charts">
        {chart(
          trans.__('Busy'),
          engines,
          point => point.busy,
          value => (value === null ? '—' : trans.__('%1 of %2', value, engines))
        )}
        {chart(
          trans.__('CPU, mean'),
          100,
          point => point.cpu_percent,
          value => cpuLabel(value, trans)
        )}
        {chart(
          trans.__('Memory, all'),
          0,
          point => point.memory_mib,
          value => memoryWords(value, trans)
        )}
      </div>
    );
  }
);
EngineCharts.displayName = 'EngineCharts';
