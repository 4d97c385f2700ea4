import { isAuthorized } from '../access/index.ts';
import {
  type BulkParameters,
  ChanceryError,
  type HoldCause,
  type IncidentAct,
  nextIncidentState,
  type Principal,
  type ReasonCode,
  systemPrincipal,
} from '../domain/index.ts';
import { recordDone } from './acts.ts';
import { emptyCounts } from './bulk-preview.ts';
import type { AuthorityContext } from './context.ts';
import { inTurn } from './in-turn.ts';
import type { BulkJobRecord, IncidentRecord, Transaction } from './ports.ts';
import { type Sealed, seal } from './sealing.ts';

/** How an incident's certificates are held or revoked. */
export interface IncidentTerms {
  readonly reasonCode?: ReasonCode | undefined;
  readonly invalidityDate?: Date | undefined;
  readonly cause?: HoldCause | undefined;
  readonly comment?: string | undefined;
}

/** What the transaction of an act did, and what is to be told after its commit. */
export interface Begun {
  readonly incident: IncidentRecord;
  readonly sealed: Sealed | undefined;
}

/** Reasons that say that a key is not its owner's alone any more (RFC 5280 §5.3.1). */
const compromises: readonly ReasonCode[] = ['keyCompromise', 'cACompromise', 'aACompromise'];

/**
 * Begins an act in the caller's transaction: what can't wait is done, all else goes into a job. A drill
 * counts, and is over at once.
 *
 * @throws ChanceryError illegalTransition, invalidArgument
 */
export async function actOn(
  context: AuthorityContext,
  transaction: Transaction,
  principal: Principal,
  incident: IncidentRecord,
  act: IncidentAct,
  terms: IncidentTerms,
): Promise<Begun> {
  const { clock } = context.dependencies;
  const { incidents } = transaction;
  const acting = nextIncidentState(incident.state, 'act');
  const parameters = parametersOf(incident, act, terms);
  const reasonCode = parameters.act === 'revoke' ? parameters.reasonCode : incident.reasonCode;
  const say = async (event: string, details: Readonly<Record<string, unknown>>): Promise<void> => {
    await incidents.append(incident.tenant, incident.id, {
      at: clock.now(),
      by: principal.name,
      event,
      details,
    });
  };
  if (incident.drill) {
    // Through the same states, one after the other.
    const begun: IncidentRecord = { ...incident, reasonCode, state: acting };
    const waiting = { ...begun, state: nextIncidentState(acting, 'acted') };
    await incidents.update(begun);
    await incidents.update(waiting);
    await say(act, { drill: true, wouldBeMet: incident.affected });
    return { incident: waiting, sealed: undefined };
  }
  const sealed = await seal(context, transaction, principal, incident, act);
  for (const { event, details } of sealed.events) await say(event, details);
  const includesIssuers = incident.kind !== 'query' || isAuthorized(principal, 'issuers:create');
  const job = await beginJob(
    ...([context, transaction, principal, incident, parameters] as const),
    includesIssuers,
  );
  const after: IncidentRecord = { ...incident, reasonCode, state: acting, job: job.id };
  await incidents.update(after);
  await say(act, { job: job.id, certificates: job.counts.items, ...parameters });
  return { incident: after, sealed };
}

/** Tells signers, other certificates' issuers and the CRL schedule what was committed. */
export async function followUp(context: AuthorityContext, { sealed }: Begun): Promise<void> {
  if (sealed === undefined) return;
  for (const keyId of sealed.keys) await context.keys.rebind(keyId);
  if (sealed.keys.length + sealed.certificates.length > 0) {
    context.issuers.forget();
    context.standing.forget();
  }
  const own = new Set((await context.issuers.all()).map(({ record }) => record.issuerId));
  for (const { issuerId, shard } of sealed.certificates) {
    if (own.has(issuerId)) context.crls.request(issuerId, shard);
  }
}

/**
 * Goes on with incidents whose job is done; asked for by the schedule, on one node. What
 * was being signed when the job was filled is acted upon as well.
 */
export async function advanceIncidents({ dependencies, ...rest }: AuthorityContext): Promise<void> {
  const context = { dependencies, ...rest };
  const { unitOfWork, tenant, clock, log } = dependencies;
  const acting = await unitOfWork.readOne(async ({ incidents }) => incidents.listActing(tenant));
  const goOn = async (id: string): Promise<void> =>
    unitOfWork.run(async (transaction) => {
      const { incidents, bulk } = transaction;
      const incident = await incidents.findForUpdate(tenant, id);
      if (incident?.state !== 'acting' || incident.job === undefined) return;
      const job = await bulk.find(tenant, incident.job);
      if (job?.state !== 'done') return;
      const say = async (event: string, details: Readonly<Record<string, unknown>>) =>
        incidents.append(tenant, id, { at: clock.now(), by: systemPrincipal.name, event, details });
      const { added, underWay } =
        incident.issuerId === undefined
          ? { added: 0, underWay: 0 }
          : await incidents.addLate(incident);
      const rest = await incidents.leftOver(incident, job.id, actOf(job.parameters));
      const late = added + rest.leftOver;
      if (late > 0) {
        const { requestedBy, parameters } = job;
        const next = await beginJob(
          ...([context, transaction, requestedBy, incident, parameters] as const),
          job.includesIssuers,
        );
        const affected = incident.affected + added;
        await incidents.update({ ...incident, affected, job: next.id });
        await say('late', { certificates: late, job: next.id });
        return;
      }
      // They are issued or abandoned soon: a blocked key gets none, a compromised issuer signs none.
      if (underWay + rest.underWay > 0) return;
      await incidents.update({ ...incident, state: nextIncidentState(incident.state, 'acted') });
      await say('acted', { job: job.id, ...job.counts });
      await recordDone(dependencies, transaction, systemPrincipal, {
        act: 'incident.acted',
        object: id,
        details: { job: job.id, ...job.counts },
      });
      log('info', 'an incident waits for its subscribers', { incident: id, ...job.counts });
    });
  await inTurn(
    acting.map(
      ({ id }) =>
        async () =>
          goOn(id),
    ),
  );
}

async function beginJob(
  { dependencies: { clock, random } }: AuthorityContext,
  { bulk, incidents }: Transaction,
  requester: Pick<Principal, 'id' | 'name'>,
  incident: IncidentRecord,
  parameters: BulkParameters,
  includesIssuers: boolean,
): Promise<BulkJobRecord> {
  const planned: BulkJobRecord = {
    tenant: incident.tenant,
    id: Buffer.from(await random.bytes(8)).toString('hex'),
    parameters,
    selection: { incident: incident.id },
    includesIssuers,
    requestedBy: { id: requester.id, name: requester.name },
    requestedAt: clock.now(),
    state: 'planned',
    counts: emptyCounts,
  };
  await bulk.insert(planned);
  const counts = await incidents.fillJob(incident, planned.id, actOf(parameters));
  const job = { ...planned, counts };
  await bulk.update(job);
  return job;
}

function actOf({ act }: BulkParameters): IncidentAct {
  return act === 'hold' ? 'hold' : 'revoke';
}

/** @throws ChanceryError invalidArgument */
function parametersOf(
  incident: IncidentRecord,
  act: IncidentAct,
  terms: IncidentTerms,
): BulkParameters {
  const { kind } = incident;
  const comment = terms.comment ?? `incident ${incident.id}: ${incident.reason}`.slice(0, 2000);
  if (act === 'hold') {
    return {
      act,
      cause: terms.cause ?? (kind === 'query' ? 'investigation' : 'keyStatusUnknown'),
      comment,
    };
  }
  const reasonCode = terms.reasonCode ?? incident.reasonCode ?? defaultReason(incident);
  if (reasonCode === undefined) {
    throw new ChanceryError('invalidArgument', {
      message:
        'say why all of it is revoked (reasonCode), for example superseded; with the command: --reason superseded',
      field: 'reasonCode',
      clause: 'RFC 5280 §5.3.1',
    });
  }
  if (kind !== 'query' && !compromises.includes(reasonCode)) {
    throw new ChanceryError('invalidArgument', {
      message: `${reasonCode} is no compromise; use ${compromises.join(', ')}, or \`chancery revoke\``,
      field: 'reasonCode',
      clause: 'RFC 5280 §5.3.1',
    });
  }
  // An issuer's compromise says nothing of its subscribers' keys.
  return kind === 'issuerCompromise'
    ? { act, reasonCode: 'cACompromise', comment, keysAreSound: true }
    : {
        act,
        reasonCode,
        invalidityDate: terms.invalidityDate ?? incident.invalidityDate,
        comment,
      };
}

function defaultReason({ kind }: IncidentRecord): ReasonCode | undefined {
  switch (kind) {
    case 'keyCompromise':
      return 'keyCompromise';
    case 'issuerCompromise':
      return 'cACompromise';
    case 'query':
      return undefined;
    default:
      return kind satisfies never;
  }
}
