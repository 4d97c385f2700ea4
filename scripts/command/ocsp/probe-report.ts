import { print, printTable } from '../output.ts';

export const acts = ['issue', 'hold', 'release', 'revoke'] as const;
export type Act = (typeof acts)[number];

/** Milliseconds within which a change must be visible. */
export const visibleWithin = 2000;

/** One act seen by one responder: the slower of the answers with and without a nonce. */
export interface Sample {
  readonly responder: string;
  readonly act: Act;
  /** Undefined: no right answer came in time. */
  readonly milliseconds: number | undefined;
}

export interface Figures {
  readonly responder: string;
  readonly act: Act;
  readonly count: number;
  /** How many were never answered rightly. */
  readonly missed: number;
  /** Milliseconds; null when none was answered. */
  readonly min: number | null;
  readonly median: number | null;
  readonly p99: number | null;
  readonly max: number | null;
  readonly withinLimit: boolean;
}

export interface ProbeReport {
  readonly limitMilliseconds: number;
  readonly figures: readonly Figures[];
  /** Answers that did not verify. */
  readonly refused: readonly string[];
  readonly leftOversRevoked: number;
  readonly passed: boolean;
}

/** Figures by responder and act, in that order. */
export function summarise(samples: readonly Sample[]): readonly Figures[] {
  const responders = [...new Set(samples.map(({ responder }) => responder))];
  return responders.flatMap((responder) =>
    acts.flatMap((act) => {
      const own = samples.filter((one) => one.responder === responder && one.act === act);
      return own.length === 0 ? [] : [figuresOf(responder, act, own)];
    }),
  );
}

function figuresOf(responder: string, act: Act, samples: readonly Sample[]): Figures {
  const times = samples
    .flatMap(({ milliseconds }) => milliseconds ?? [])
    .toSorted((left, right) => left - right);
  const missed = samples.length - times.length;
  const at = (part: number): number | null => {
    const value = times[Math.max(0, Math.ceil(part * times.length) - 1)];
    return value === undefined ? null : Math.round(value * 10) / 10;
  };
  return {
    responder,
    act,
    count: samples.length,
    missed,
    min: at(0),
    median: at(0.5),
    p99: at(0.99),
    max: at(1),
    withinLimit: missed === 0 && (times.at(-1) ?? 0) <= visibleWithin,
  };
}

/** The table and the picture, for people. */
export function printReport(report: ProbeReport, samples: readonly Sample[]): void {
  const shown = (value: number | null): string => (value === null ? '-' : value.toFixed(1));
  printTable(
    ['responder', 'act', 'count', 'min ms', 'median ms', 'p99 ms', 'max ms', 'within 2 s'],
    report.figures.map((one) => [
      one.responder,
      one.act,
      String(one.count),
      ...[one.min, one.median, one.p99, one.max].map(shown),
      one.withinLimit ? 'yes' : one.missed > 0 ? `NO, ${one.missed} never` : 'NO',
    ]),
  );
  print('');
  for (const line of picture(samples)) {
    print(line);
  }
  for (const reason of new Set(report.refused)) {
    print(`REFUSED: ${reason}`);
  }
}

const bounds = [10, 20, 50, 100, 200, 500, 1000, 2000, Number.POSITIVE_INFINITY];
const headings = ['<10ms', '<20', '<50', '<100', '<200', '<500', '<1s', '<2s', 'later'];
const blocks = ['', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/** How the times are spread: a column a bound, a block as high as its part of the act's samples. */
export function picture(samples: readonly Sample[]): readonly string[] {
  const cell = (text: string): string => text.padEnd(7);
  const rows = acts.map((act) => {
    const own = samples.filter((one) => one.act === act);
    const cells = bounds.map((bound, column) => {
      const above = bounds[column - 1] ?? 0;
      const count = own.filter(({ milliseconds = Number.POSITIVE_INFINITY }) =>
        column === 0
          ? milliseconds < bound
          : milliseconds >= above && (milliseconds < bound || bound === Number.POSITIVE_INFINITY),
      ).length;
      const height = count === 0 ? 0 : Math.max(1, Math.round((count / own.length) * 8));
      return cell(count === 0 ? '·' : `${blocks[height] ?? ''} ${count}`);
    });
    return `${act.padEnd(9)}${cells.join('')}`.trimEnd();
  });
  return [`${''.padEnd(9)}${headings.map(cell).join('')}`.trimEnd(), ...rows];
}

/** For the textfile collector of Prometheus' node exporter. Seconds, as its rules ask. */
export function metricsText(report: ProbeReport, now: Date): string {
  const lines: string[] = [];
  const family = (name: string, help: string, rows: readonly string[]): void => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...rows);
  };
  const labels = ({ responder, act }: Figures): string =>
    `responder="${responder.replace(/[\\"\n]/g, '_')}",act="${act}"`;
  family(
    'chancery_ocsp_probe_seconds',
    "Time from an act's answer to the first right OCSP answer, by quantile.",
    report.figures.flatMap((one) =>
      (
        [
          ['0', one.min],
          ['0.5', one.median],
          ['0.99', one.p99],
          ['1', one.max],
        ] as const
      ).flatMap(([quantile, value]) =>
        value === null
          ? []
          : [`chancery_ocsp_probe_seconds{${labels(one)},quantile="${quantile}"} ${value / 1000}`],
      ),
    ),
  );
  family(
    'chancery_ocsp_probe_missed',
    'Acts that were never answered rightly.',
    report.figures.map((one) => `chancery_ocsp_probe_missed{${labels(one)}} ${one.missed}`),
  );
  family('chancery_ocsp_probe_refused', 'Answers that did not verify.', [
    `chancery_ocsp_probe_refused ${report.refused.length}`,
  ]);
  family('chancery_ocsp_probe_passed', 'Whether all were right within 2 seconds.', [
    `chancery_ocsp_probe_passed ${report.passed ? 1 : 0}`,
  ]);
  family('chancery_ocsp_probe_timestamp_seconds', 'When the probe ended.', [
    `chancery_ocsp_probe_timestamp_seconds ${Math.floor(now.getTime() / 1000)}`,
  ]);
  return `${lines.join('\n')}\n`;
}
