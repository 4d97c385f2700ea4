import { z } from 'zod';
import { duration, setting } from './values.ts';

/** What reports look for, and how often they are made (docs/operations/evidence.md). */
export const reportsSchema = z
  .strictObject({
    sp80057: z
      .strictObject({
        every: setting(
          duration('1h', '366d').default('7d'),
          'CHANCERY_REPORTS_SP80057_EVERY',
          'How often the report of SP 800-57 Part 1 is made by itself, once in the cluster.',
        ),
      })
      .prefault({}),
    practiceStatement: z
      .strictObject({
        reviewEvery: setting(
          duration('1d', '1826d').default('365d'),
          'CHANCERY_REPORTS_PRACTICE_STATEMENT_REVIEW_EVERY',
          'How often the key-management practice statement and the audit log are reviewed; later than that fails in the report.',
        ),
      })
      .prefault({}),
    drills: z
      .strictObject({
        every: setting(
          duration('1d', '1826d').default('365d'),
          'CHANCERY_REPORTS_DRILLS_EVERY',
          'How often each drill (restore, second token, compromise) is held; later than that fails in the report.',
        ),
      })
      .prefault({}),
    backups: z
      .strictObject({
        every: setting(
          duration('1h', '366d').default('31d'),
          'CHANCERY_REPORTS_BACKUPS_EVERY',
          'How old the last backup on record may be; an older one fails in the report.',
        ),
      })
      .prefault({}),
  })
  .prefault({});
