import type { ReportPeriods } from '../keys/index.ts';
import { type AuthoritySettings, keySettings } from './dependencies.ts';

/** What the configuration says of reports; seconds. */
export interface ReportSettings {
  /** How often the report of SP 800-57 is made. */
  readonly reportSeconds: number;
  readonly drillSeconds: number;
  readonly backupSeconds: number;
  /** Of the practice statement and of the audit log. */
  readonly reviewSeconds: number;
  /** `https://HOST:8443`, where administrators come in. */
  readonly httpsUrl: string;
}

const day = 86_400;

export function reportSettings({ reports }: Pick<AuthoritySettings, 'reports'>): ReportSettings {
  return {
    reportSeconds: 7 * day,
    drillSeconds: 365 * day,
    backupSeconds: 31 * day,
    reviewSeconds: 365 * day,
    httpsUrl: '',
    ...reports,
  };
}

/** How old what may be; a comparison with a token that was missed once is no finding yet. */
export function reportPeriods(settings: AuthoritySettings): ReportPeriods {
  const { reportSeconds, drillSeconds, backupSeconds, reviewSeconds } = reportSettings(settings);
  const { reconcileEverySeconds, reconcileRoot } = keySettings({ settings });
  return {
    report: reportSeconds,
    reconciliation: 2 * reconcileEverySeconds,
    rootReconciliation: reconcileRoot ? 2 * reconcileEverySeconds : drillSeconds,
    drills: drillSeconds,
    backups: backupSeconds,
    reviews: reviewSeconds,
  };
}
