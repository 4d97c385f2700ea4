import { expect, test } from 'vitest';
import {
  metricsText,
  type ProbeReport,
  picture,
  type Sample,
  summarise,
} from '../../../scripts/command/ocsp/probe-report.ts';

const sample = (act: Sample['act'], milliseconds: number | undefined): Sample => ({
  ...{ responder: 'http://a/', act, milliseconds },
});

test('figures are by nearest rank; one act that was never seen is not within the limit', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => sample('hold', index + 1));
  expect(summarise([...hundred, sample('revoke', 5), sample('revoke', undefined)])).toEqual([
    {
      ...{ responder: 'http://a/', act: 'hold', count: 100, missed: 0, withinLimit: true },
      ...{ min: 1, median: 50, p99: 99, max: 100 },
    },
    {
      ...{ responder: 'http://a/', act: 'revoke', count: 2, missed: 1, withinLimit: false },
      ...{ min: 5, median: 5, p99: 5, max: 5 },
    },
  ]);
  expect(summarise([sample('hold', 2000.1)])[0]?.withinLimit).toBe(false);
  expect(summarise([sample('hold', undefined)])[0]).toMatchObject({ min: null, p99: null });
});

test('the picture has a column a bound; what was never seen is later', () => {
  const [, , hold] = picture([
    ...[3, 4, 5].map((time) => sample('hold', time)),
    sample('hold', undefined),
  ]);
  expect(hold).toMatch(/^hold {5}▆ 3 +(· +){7}▂ 1$/);
});

test('metrics are in seconds; labels can not break out', () => {
  const report: ProbeReport = {
    limitMilliseconds: 2000,
    figures: summarise([{ responder: 'http://a/"}\n', act: 'issue', milliseconds: 250 }]),
    refused: ['x'],
    leftOversRevoked: 0,
    passed: false,
  };
  const text = metricsText(report, new Date(1_700_000_000_500));
  expect(text).toContain(
    'chancery_ocsp_probe_seconds{responder="http://a/_}_",act="issue",quantile="1"} 0.25\n',
  );
  expect(text).toContain('chancery_ocsp_probe_passed 0\n');
  expect(text).toContain('chancery_ocsp_probe_timestamp_seconds 1700000000\n');
});
