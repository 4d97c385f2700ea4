import { ChanceryError, type Permission, type Principal } from '../domain/index.ts';
import { act, recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import type { EvidenceRecord } from './ports.ts';

/**
 * What a person may record: duties that the system can't see done. Whoever audits records the reviews,
 * whoever manages keys the rest.
 */
export const statedEvidence = {
  backup: 'keys:manage',
  'drill.restore': 'keys:manage',
  'drill.compromise': 'keys:manage',
  'drill.failover': 'keys:manage',
  'audit.review': 'reports:read',
} as const satisfies Readonly<Record<string, Permission>>;
export type StatedEvidenceKind = keyof typeof statedEvidence;

export interface StateEvidenceRequest {
  readonly kind: StatedEvidenceKind;
  /** What it is about: an installation, a token's role, a place. */
  readonly subject: string;
  /** What was done and seen, in the person's words. */
  readonly statement: string;
  readonly outcome: 'done' | 'failed';
  /** When it was done; not later than now. */
  readonly at?: Date | undefined;
  /** Lower-case hex SHA-256 of a document that is kept elsewhere. */
  readonly documentSha256?: string | undefined;
}

/** Records of what was done and seen, as auditors ask for them (SP 800-57 Part 1 §9.3, §9.4). */
export function evidenceUseCases({ dependencies }: AuthorityContext) {
  const { unitOfWork, clock, tenant } = dependencies;
  return {
    /** Newest first. */
    async listEvidence(
      principal: Principal,
      query: {
        readonly kind?: string | undefined;
        readonly subject?: string | undefined;
        readonly limit: number;
      },
    ): Promise<readonly EvidenceRecord[]> {
      return act(
        dependencies,
        principal,
        'reports:read',
        { act: 'evidence.list', object: 'evidence' },
        async () => unitOfWork.read(async ({ evidence }) => evidence.list(tenant, query)),
      );
    },

    /**
     * Keeps what a person states; the record names who stated it and when.
     *
     * @throws ChanceryError forbidden, invalidArgument
     */
    async recordEvidence(
      principal: Principal,
      request: StateEvidenceRequest,
    ): Promise<EvidenceRecord> {
      const { kind, subject, statement, outcome, documentSha256 } = request;
      const described = { act: 'evidence.record', object: kind, details: { subject, outcome } };
      return act(dependencies, principal, statedEvidence[kind], described, async () => {
        const now = clock.now();
        const at = request.at ?? now;
        if (at > now) {
          throw new ChanceryError('invalidArgument', {
            message: `${at.toISOString()} is in the future; state what was done`,
            field: 'at',
          });
        }
        const record = {
          kind,
          subject,
          at,
          by: principal.name,
          document: {
            stated: true,
            statement,
            outcome,
            recordedAt: now.toISOString(),
            ...(documentSha256 === undefined ? {} : { documentSha256 }),
          },
        };
        const id = await unitOfWork.run(async (transaction) => {
          const made = await transaction.evidence.append(tenant, record);
          await recordDone(dependencies, transaction, principal, described);
          return made;
        });
        return { id, ...record };
      });
    },
  };
}
