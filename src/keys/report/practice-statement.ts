import { createHash } from 'node:crypto';
import type { ReportFacts } from './facts.ts';
import { days, newestOf, rfc3339 } from './judgement.ts';
import { practiceSections } from './practice-sections.ts';

export interface PracticeTable {
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface PracticeSection {
  readonly title: string;
  readonly paragraphs: readonly string[];
  readonly tables: readonly PracticeTable[];
}

/** How this installation manages its keys, in the order of topics of SP 800-57 Part 2 Rev. 1. */
export interface PracticeStatement {
  readonly publication: 'NIST SP 800-57 Part 2 Rev. 1';
  readonly at: string;
  /** The last review on record. */
  readonly reviewedAt: string | null;
  readonly reviewedBy: string | null;
  /** Without a review: now. */
  readonly reviewDue: string;
  readonly overdue: boolean;
  readonly sections: readonly PracticeSection[];
  /** Lower-case hex SHA-256 of the sections as JSON: what a review was about. */
  readonly sha256: string;
}

/** Generates the statement from configuration and records (pure). */
export function practiceStatement(facts: ReportFacts): PracticeStatement {
  const review = newestOf(facts, 'practice.review');
  const due =
    review === undefined ? facts.at : new Date(review.at.getTime() + facts.periods.reviews * 1000);
  const sections = practiceSections(facts);
  return {
    publication: 'NIST SP 800-57 Part 2 Rev. 1',
    at: rfc3339(facts.at),
    reviewedAt: review === undefined ? null : rfc3339(review.at),
    reviewedBy: review?.subject ?? null,
    reviewDue: rfc3339(due),
    overdue: due <= facts.at,
    sections: [
      ...sections,
      {
        title: 'Documentation and review',
        paragraphs: [
          `This statement is generated from configuration and records. It is reviewed every ${days(facts.periods.reviews)}; docs/operations.md is the operators' page, docs/architecture.md says how the system is built.`,
        ],
        tables: [],
      },
    ],
    sha256: createHash('sha256').update(JSON.stringify(sections)).digest('hex'),
  };
}
