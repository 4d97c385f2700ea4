import type { ReportPeriods } from '../keys/index.ts';
import type { AuthoritySettings } from './dependencies.ts';

/** What the reports are told of the configuration. */
export interface ReportSettings extends ReportPeriods {
  /** `https://HOST:8443`, where administrators come in. */
  readonly httpsUrl: string;
}

const day = 86_400;

/** The settings, or what holds without them; seconds. */
export function reportSettings({ reports }: Pick<AuthoritySettings, 'reports'>): ReportSettings {
  return {
    report: 7 * day,
    reconciliation: day,
    drills: 365 * day,
    backups: 31 * day,
    reviews: 365 * day,
    httpsUrl: '',
    ...reports,
  };
}
