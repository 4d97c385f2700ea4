import {
  bulkPermissions,
  ChanceryError,
  type IncidentAct,
  type IncidentState,
  nextIncidentState,
  outlookOf,
  type Principal,
} from '../domain/index.ts';
import { act, recordDone } from './acts.ts';
import { type BlastRadius, blastRadiusOf } from './blast-radius.ts';
import { largestList, refuseOtherCount } from './bulk-preview.ts';
import type { AuthorityContext } from './context.ts';
import { actOn, type Begun, followUp, type IncidentTerms } from './incident-acts.ts';
import { closingReport, type IncidentReport, type IncidentStatus } from './incident-report.ts';
import {
  known,
  notReplacing,
  type OpenIncidentRequest,
  permissionFor,
  refuseUnfit,
  requirePermission,
  selectionText,
  successor,
} from './incident-request.ts';
import { scopeOf } from './incident-scope.ts';
import type {
  IncidentEventRecord,
  IncidentRecord,
  Page,
  RemainingSubscriber,
  Transaction,
} from './ports.ts';
import { refuseFuture } from './status-acts.ts';

/** Who has not replaced theirs, as the report lists them; the count beside it is whole. */
const reportedSubscribers = 1000;

/** What one key signed, or certifies, can't be split by narrower filters. */
const largestOfKey = 50_000_000;

/** Compromises and incidents over inventory queries: opening, acting, watching, closing. */
export function incidentUseCases(context: AuthorityContext) {
  const { dependencies } = context;
  const { unitOfWork, clock, random, tenant } = dependencies;

  const find = async (transaction: Transaction, id: string): Promise<IncidentRecord> =>
    known(await transaction.incidents.find(tenant, id), id);

  const statusOf = async (
    transaction: Transaction,
    incident: IncidentRecord,
    now: Date,
  ): Promise<IncidentStatus> => {
    const excluded = await notReplacing(context, incident);
    const progress = await transaction.incidents.progress(incident, excluded, now);
    const job = incident.job && (await transaction.bulk.find(tenant, incident.job));
    return {
      incident,
      progress,
      outlook: outlookOf(incident.kind, progress, incident.openedAt, now),
      ...(job ? { job } : {}),
    };
  };

  const remaining = async (
    transaction: Transaction,
    incident: IncidentRecord,
    now: Date,
    page: { readonly cursor?: string | undefined; readonly limit: number },
  ): Promise<Page<RemainingSubscriber>> =>
    transaction.incidents.remaining(
      incident,
      await notReplacing(context, incident),
      now,
      page.cursor,
      page.limit,
    );

  return {
    /** What a compromise or an incident would reach; changes nothing. */
    async previewIncident(
      principal: Principal,
      request: Pick<OpenIncidentRequest, 'subject' | 'invalidityDate'>,
    ): Promise<BlastRadius> {
      const described = { act: 'incident.preview', object: request.subject.kind };
      return act(dependencies, principal, 'incidents:read', described, async () => {
        refuseFuture('invalidityDate', request.invalidityDate, clock.now());
        await context.issuers.refresh();
        return unitOfWork.read(async (transaction) => {
          const scope = await scopeOf(context, transaction, principal, request.subject);
          return blastRadiusOf(context, transaction, scope, request.invalidityDate);
        });
      });
    },

    /**
     * Fixes the list, tells clients to renew, and begins the act that is asked for: the key's state, its
     * block and CA certificates in this transaction, all others by a job.
     *
     * @throws ChanceryError ambiguous, countDiffers, invalidArgument, notFound, payloadTooLarge
     */
    async openIncident(
      principal: Principal,
      request: OpenIncidentRequest,
    ): Promise<IncidentStatus> {
      const { subject, reason, drill } = request;
      const described = {
        act: subject.kind === 'query' ? 'incident.open' : 'compromise.declare',
        object: subject.kind,
        details: { reason, drill, act: request.act, ...selectionText(subject) },
      };
      return act(dependencies, principal, permissionFor(subject.kind), described, async () => {
        refuseUnfit(request, clock.now());
        await context.issuers.refresh();
        const opened = await unitOfWork.run(async (transaction) => {
          const scope = await scopeOf(context, transaction, principal, subject);
          const now = clock.now();
          const prepared: IncidentRecord = {
            tenant,
            id: Buffer.from(await random.bytes(8)).toString('hex'),
            kind: scope.kind,
            selection: scope.selection,
            reason,
            reasonCode: request.reasonCode,
            invalidityDate: request.invalidityDate,
            drill,
            spkiHash: scope.spkiHash,
            keyId: scope.key?.keyId,
            issuerId: scope.issuer?.record.issuerId,
            reissueBy: await successor(context, scope.issuer, request.reissueBy),
            renewFrom: now,
            renewUntil: new Date(now.getTime() + request.renewWithinSeconds * 1000),
            explanationUrl: request.explanationUrl,
            state: 'opened',
            affected: 0,
            openedAt: now,
            openedBy: principal.name,
          };
          const { incidents } = transaction;
          const most = scope.kind === 'query' ? largestList : largestOfKey;
          const affected = await incidents.insert(prepared, scope.query, most);
          refuseOtherCount(affected, request.expectedCount);
          if (affected === 0 && scope.kind === 'query') {
            throw new ChanceryError('notFound', {
              message:
                'no certificate answers to these filters; `chancery list` takes the same ones',
              field: 'query',
            });
          }
          const incident = { ...prepared, affected };
          await incidents.update(incident);
          await incidents.append(tenant, incident.id, {
            at: now,
            by: principal.name,
            event: 'opened',
            details: { reason, affected, drill, selection: incident.selection },
          });
          await recordDone(dependencies, transaction, principal, {
            ...described,
            object: incident.id,
            details: { ...described.details, affected },
          });
          return request.act === undefined
            ? { incident, sealed: undefined }
            : actOn(context, transaction, principal, incident, request.act, request);
        });
        await followUp(context, opened);
        return unitOfWork.read(async (transaction) =>
          statusOf(transaction, opened.incident, clock.now()),
        );
      });
    },

    /**
     * Holds or revokes all of an incident; after a hold, revoking is the next step.
     *
     * @throws ChanceryError notFound, illegalTransition, invalidArgument
     */
    async actOnIncident(
      principal: Principal,
      id: string,
      incidentAct: IncidentAct,
      terms: IncidentTerms,
    ): Promise<IncidentStatus> {
      const { kind } = await unitOfWork.readOne(async (transaction) => find(transaction, id));
      const described = { act: `incident.${incidentAct}`, object: id, details: { ...terms } };
      return act(dependencies, principal, permissionFor(kind), described, async () => {
        if (kind === 'query') requirePermission(principal, bulkPermissions[incidentAct]);
        refuseFuture('invalidityDate', terms.invalidityDate, clock.now());
        const begun: Begun = await unitOfWork.run(async (transaction) => {
          const incident = known(await transaction.incidents.findForUpdate(tenant, id), id);
          const started = await actOn(
            context,
            transaction,
            principal,
            incident,
            incidentAct,
            terms,
          );
          await recordDone(dependencies, transaction, principal, described);
          return started;
        });
        await followUp(context, begun);
        return unitOfWork.read(async (transaction) =>
          statusOf(transaction, begun.incident, clock.now()),
        );
      });
    },

    async listIncidents(
      principal: Principal,
      query: {
        readonly state?: IncidentState | undefined;
        readonly cursor?: string | undefined;
        readonly limit: number;
      },
    ): Promise<Page<IncidentRecord>> {
      const described = { act: 'incident.read', object: 'incidents' };
      return act(dependencies, principal, 'incidents:read', described, async () =>
        unitOfWork.read(async ({ incidents }) =>
          incidents.list(tenant, query.state, query.cursor, query.limit),
        ),
      );
    },

    async incidentStatus(principal: Principal, id: string): Promise<IncidentStatus> {
      const described = { act: 'incident.read', object: id };
      return act(dependencies, principal, 'incidents:read', described, async () =>
        unitOfWork.read(async (transaction) =>
          statusOf(transaction, await find(transaction, id), clock.now()),
        ),
      );
    },

    async incidentEvents(
      principal: Principal,
      id: string,
    ): Promise<readonly IncidentEventRecord[]> {
      const described = { act: 'incident.read', object: id };
      return act(dependencies, principal, 'incidents:read', described, async () =>
        unitOfWork.read(async (transaction) => {
          await find(transaction, id);
          return transaction.incidents.events(tenant, id);
        }),
      );
    },

    /** Who still has to replace a certificate. */
    async remainingOfIncident(
      principal: Principal,
      id: string,
      page: { readonly cursor?: string | undefined; readonly limit: number },
    ): Promise<Page<RemainingSubscriber>> {
      const described = { act: 'incident.read', object: id };
      return act(dependencies, principal, 'incidents:read', described, async () =>
        unitOfWork.read(async (transaction) =>
          remaining(transaction, await find(transaction, id), clock.now(), page),
        ),
      );
    },

    /**
     * Ends it, with a report that is kept as evidence. Renewal windows are those of the certificates'
     * lives again; what was held or revoked stays so.
     *
     * @throws ChanceryError notFound, illegalTransition; invalidArgument when somebody has not replaced
     * theirs and no comment says why it is closed all the same
     */
    async closeIncident(
      principal: Principal,
      id: string,
      comment: string | undefined,
    ): Promise<IncidentReport> {
      const { kind } = await unitOfWork.readOne(async (transaction) => find(transaction, id));
      const described = { act: 'incident.close', object: id, details: { comment } };
      return act(dependencies, principal, permissionFor(kind), described, async () =>
        unitOfWork.run(async (transaction) => {
          const now = clock.now();
          const incident = known(await transaction.incidents.findForUpdate(tenant, id), id);
          const closed: IncidentRecord = {
            ...incident,
            state: nextIncidentState(incident.state, 'close'),
            closedAt: now,
            closedBy: principal.name,
          };
          const status = await statusOf(transaction, incident, now);
          if (status.outlook.remaining > 0 && comment === undefined) {
            throw new ChanceryError('invalidArgument', {
              message: `${status.outlook.remaining} subscribers have not replaced their certificates; say with a comment why the incident is closed all the same`,
              field: 'comment',
            });
          }
          await transaction.incidents.update(closed);
          await transaction.incidents.append(tenant, id, {
            at: now,
            by: principal.name,
            event: 'closed',
            details: { comment, ...status.progress, remaining: status.outlook.remaining },
          });
          const report = closingReport({
            status: { ...status, incident: closed },
            comment,
            events: await transaction.incidents.events(tenant, id),
            left: await remaining(transaction, incident, now, { limit: reportedSubscribers }),
          });
          await transaction.evidence.append(tenant, {
            kind: incident.drill ? 'drill.compromise' : 'incident.report',
            subject: id,
            at: now,
            by: principal.name,
            document: { ...report },
          });
          await recordDone(dependencies, transaction, principal, {
            ...described,
            details: { ...described.details, ...status.progress },
          });
          return report;
        }),
      );
    },

    /** The report of a closed incident, as it was kept. @throws ChanceryError notFound */
    async incidentReport(principal: Principal, id: string): Promise<IncidentReport> {
      const described = { act: 'incident.read', object: id };
      return act(dependencies, principal, 'incidents:read', described, async () =>
        unitOfWork.read(async (transaction) => {
          const { drill } = await find(transaction, id);
          const [kept] = await transaction.evidence.list(tenant, {
            kind: drill ? 'drill.compromise' : 'incident.report',
            subject: id,
            limit: 1,
          });
          if (kept === undefined) {
            throw new ChanceryError('notFound', {
              message: `incident ${id} is not closed yet: its report is written by \`chancery incident close ${id}\``,
            });
          }
          return kept.document as unknown as IncidentReport;
        }),
      );
    },
  };
}
