import type { Settings } from './schema.ts';
import { parseDuration } from './values.ts';

/** How often reports are made, and how old what they look for may be; seconds. */
export interface ReportsConfiguration {
  readonly reportSeconds: number;
  readonly drillSeconds: number;
  readonly backupSeconds: number;
  readonly reviewSeconds: number;
}

export function reportsOf(reports: Settings['reports']): ReportsConfiguration {
  const seconds = (text: string): number => parseDuration(text) ?? 0;
  return {
    reportSeconds: seconds(reports.sp80057.every),
    drillSeconds: seconds(reports.drills.every),
    backupSeconds: seconds(reports.backups.every),
    reviewSeconds: seconds(reports.practiceStatement.reviewEvery),
  };
}
