import { ChanceryError, type Principal, systemPrincipal } from '../domain/index.ts';
import {
  type PracticeStatement,
  practiceStatement,
  type Sp80057Report,
  sp80057Report,
} from '../keys/index.ts';
import { act, recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import type { EvidenceRecord, Transaction } from './ports.ts';
import { collectReportFacts } from './report-facts.ts';
import { reportSettings } from './report-settings.ts';

const kind = 'report.sp';
const subject = 'sp800-57';
const minute = 60_000;

/** A report as it was kept. */
export interface KeptReport {
  readonly id: bigint;
  readonly report: Sp80057Report;
}

/** Reports that auditors read; all of them are kept. */
export function reportUseCases(
  context: AuthorityContext,
  trustAnchors: () => Promise<readonly string[]>,
) {
  const { dependencies } = context;
  const { unitOfWork, clock, tenant, log, settings } = dependencies;
  let due = 0;

  const newest = async ({ evidence }: Transaction): Promise<KeptReport | undefined> => {
    const [record] = await evidence.list(tenant, { kind, subject, limit: 1 });
    return record && keptReport(record);
  };

  const run = async (principal: Principal): Promise<KeptReport> => {
    const facts = await collectReportFacts(context, await trustAnchors());
    const kept = await unitOfWork.run(async (transaction) => {
      const before = await newest(transaction);
      const report = sp80057Report(facts, principal.name, before?.report);
      const id = await transaction.evidence.append(tenant, {
        kind,
        subject,
        at: facts.at,
        by: principal.name,
        document: { ...report },
      });
      await recordDone(dependencies, transaction, principal, {
        act: 'report.run',
        object: subject,
        details: { id: String(id), counts: report.counts },
      });
      return { id, report };
    });
    const lost = kept.report.changes.filter(
      ({ before, after }) => before === 'pass' && after === 'fail',
    );
    if (lost.length > 0) {
      log('alarm', 'what SP 800-57 asks was in order and is no longer', {
        references: lost.map(({ reference }) => reference),
        report: String(kept.id),
      });
    }
    return kept;
  };

  return {
    /** Answers every reference now, keeps the report, and says what differs from the one before. */
    async runSp80057Report(principal: Principal): Promise<KeptReport> {
      const described = { act: 'report.run', object: subject };
      return act(dependencies, principal, 'reports:read', described, async () => run(principal));
    },

    /** Newest first. */
    async listSp80057Reports(principal: Principal, limit: number): Promise<readonly KeptReport[]> {
      const described = { act: 'report.read', object: subject };
      return act(dependencies, principal, 'reports:read', described, async () =>
        unitOfWork.read(async ({ evidence }) =>
          (await evidence.list(tenant, { kind, subject, limit })).map(keptReport),
        ),
      );
    },

    /** The newest one. @throws ChanceryError notFound before the first */
    async latestSp80057Report(principal: Principal): Promise<KeptReport> {
      const described = { act: 'report.read', object: subject };
      return act(dependencies, principal, 'reports:read', described, async () => {
        const found = await unitOfWork.read(newest);
        if (found === undefined) {
          throw new ChanceryError('notFound', {
            message: 'no report was made yet; `chancery report sp800-57` makes one',
            field: 'report',
          });
        }
        return found;
      });
    },

    /** The key-management practice statement (SP 800-57 Part 2), from configuration and records. */
    async practiceStatement(principal: Principal): Promise<PracticeStatement> {
      const described = { act: 'report.read', object: 'practice-statement' };
      return act(dependencies, principal, 'reports:read', described, async () =>
        practiceStatement(await collectReportFacts(context, await trustAnchors())),
      );
    },

    /** Records that somebody reviewed the statement; the next review is due from then. */
    async reviewPracticeStatement(
      principal: Principal,
      review: { readonly reviewedBy: string; readonly comment?: string | undefined },
    ): Promise<PracticeStatement> {
      const described = {
        act: 'practiceStatement.review',
        object: 'practice-statement',
        details: { ...review },
      };
      return act(dependencies, principal, 'reports:read', described, async () => {
        const facts = await collectReportFacts(context, await trustAnchors());
        await unitOfWork.run(async (transaction) => {
          await transaction.evidence.append(tenant, {
            kind: 'practice.review',
            subject: review.reviewedBy,
            at: clock.now(),
            by: principal.name,
            document: {
              stated: true,
              outcome: 'done',
              statementSha256: practiceStatement(facts).sha256,
              ...review,
            },
          });
          await recordDone(dependencies, transaction, principal, described);
        });
        return practiceStatement(await collectReportFacts(context, await trustAnchors()));
      });
    },

    /** Makes the report that is due; the caller holds the schedule's lease. */
    async reportTurn(): Promise<void> {
      const now = clock.now().getTime();
      // A clock that was set back must not put it off for long.
      if (now < due && due - now <= 5 * minute) return;
      due = now + 5 * minute;
      const last = await unitOfWork.read(newest);
      const every = reportSettings(settings).reportSeconds * 1000;
      if (last !== undefined && now - Date.parse(last.report.at) < every) return;
      await run(systemPrincipal);
    },
  };
}

function keptReport({ id, document }: EvidenceRecord): KeptReport {
  // Only `run` writes this kind.
  return { id, report: document as unknown as Sp80057Report };
}
