import { isAuthorized } from '../access/index.ts';
import {
  ChanceryError,
  type HoldCause,
  type HoldEnd,
  nextStatus,
  type Permission,
  type Principal,
  type ReasonCode,
  type StatusChange,
  systemPrincipal,
} from '../domain/index.ts';
import { act, recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import { type CertificateRef, findOwn } from './inventory.ts';
import { certificateReference } from './issuance-core.ts';
import type { CertificateRecord, Transaction } from './ports.ts';

export interface RevokeRequest extends CertificateRef {
  readonly reasonCode: ReasonCode;
  readonly invalidityDate?: Date | undefined;
  readonly comment?: string | undefined;
}

export interface HoldRequest extends CertificateRef {
  readonly cause?: HoldCause | undefined;
  /** With `then`: when the hold ends by itself. */
  readonly until?: Date | undefined;
  readonly then?: HoldEnd | undefined;
  readonly comment?: string | undefined;
}

export interface ReleaseRequest extends CertificateRef {
  readonly comment?: string | undefined;
}

export interface Revocation {
  readonly record: CertificateRecord;
  /** Other certificates of the same compromised key. */
  readonly alsoRevoked: readonly CertificateRecord[];
}

const compromise: ReadonlySet<ReasonCode> = new Set([
  'keyCompromise',
  'cACompromise',
  'aACompromise',
]);
/** No key has more certificates than this: one an hour for ten years. */
const sweepSize = 100_000;

/** Suspend, release and revoke: each act and its audit record are one transaction. */
export function statusUseCases(context: AuthorityContext) {
  const { dependencies } = context;
  const { unitOfWork, clock, failpoint } = dependencies;

  const change = async (
    principal: Principal,
    permission: Permission,
    ref: CertificateRef,
    statusChange: (now: Date) => StatusChange,
    checkArguments: (now: Date) => void = () => undefined,
  ): Promise<Revocation> => {
    const preview = statusChange(clock.now());
    const described = {
      act: `certificate.${preview.act}`,
      object: ref.serialNumber,
      details: auditDetails(preview),
    };
    return act(dependencies, principal, permission, described, async () => {
      checkArguments(clock.now());
      const changed = await unitOfWork.run(async (transaction) => {
        const found = await findOwn(context, transaction, principal, ref);
        const locked = await lock(transaction, found);
        refuseIssuersToOthers(principal, locked);
        const made = statusChange(clock.now());
        const record = await applyChange(context, transaction, principal, locked, made);
        const alsoRevoked =
          isCompromise(made) && record.spkiHash !== ''
            ? await sweepCompromisedKey(context, transaction, principal, record, statusChange)
            : [];
        failpoint('status.1-before-commit');
        return { record, alsoRevoked };
      });
      failpoint('status.2-after-commit');
      const { record, alsoRevoked } = changed;
      if ([record, ...alsoRevoked].some(({ type }) => type === 'ca')) {
        context.standing.forget();
      }
      // A CA elsewhere publishes its own CRLs; what stands here is the inventory's knowledge.
      const own = await context.issuers.all().then(
        (issuers) => new Set(issuers.map((issuer) => issuer.record.issuerId)),
        () => undefined,
      );
      for (const { issuerId, shard } of shardsOf([record, ...alsoRevoked])) {
        if (own === undefined || own.has(issuerId)) context.crls.request(issuerId, shard);
      }
      return changed;
    });
  };

  return {
    async revokeCertificate(principal: Principal, request: RevokeRequest): Promise<Revocation> {
      const revoke = (now: Date): StatusChange => ({
        act: 'revoke',
        reasonCode: request.reasonCode,
        invalidityDate: request.invalidityDate,
        comment: request.comment,
        requestedAt: now,
        requestedBy: principal.name,
        effectiveAt: now,
      });
      return change(principal, 'certificates:revoke', request, revoke, (now) => {
        refuseFuture('invalidityDate', request.invalidityDate, now);
      });
    },

    async holdCertificate(principal: Principal, request: HoldRequest): Promise<CertificateRecord> {
      const hold = (at: Date): StatusChange => ({
        act: 'hold',
        reasonCode: 'certificateHold',
        cause: request.cause ?? 'other',
        until: request.until,
        then: request.then,
        comment: request.comment,
        requestedAt: at,
        requestedBy: principal.name,
        effectiveAt: at,
      });
      const { record } = await change(principal, 'certificates:hold', request, hold, (now) => {
        refuseHalfAnEnd(request, now);
      });
      return record;
    },

    async releaseCertificate(
      principal: Principal,
      request: ReleaseRequest,
    ): Promise<CertificateRecord> {
      const { record } = await change(principal, 'certificates:release', request, (at) => ({
        act: 'release',
        comment: request.comment,
        requestedAt: at,
        requestedBy: principal.name,
        effectiveAt: at,
      }));
      return record;
    },

    /** The end of holds whose deadline passed: an act of the system, caught up after downtime. */
    async endDueHolds(): Promise<number> {
      const due = await unitOfWork.read(async (transaction) =>
        transaction.inventory.listDueHolds(dependencies.tenant, clock.now(), 100),
      );
      let ended = 0;
      for (const record of due) {
        try {
          await endHold(context, record);
          ended += 1;
        } catch (error) {
          // One that can't be ended must not keep the others from their end.
          dependencies.log('warn', 'a hold could not be ended at its deadline; tried again', {
            certificate: certificateReference(record),
            cause: String(error),
          });
        }
      }
      return ended;
    },
  };
}

/** Each shard once. */
function shardsOf(
  records: readonly CertificateRecord[],
): Iterable<Pick<CertificateRecord, 'issuerId' | 'shard'>> {
  return new Map(
    records.map(({ issuerId, shard }) => [`${issuerId}/${shard}`, { issuerId, shard }]),
  ).values();
}

async function endHold(context: AuthorityContext, due: CertificateRecord): Promise<void> {
  const { dependencies } = context;
  const { unitOfWork, clock, log } = dependencies;
  const object = certificateReference(due);
  const ended = await unitOfWork.run(async (transaction) => {
    const record = await lock(transaction, due);
    const { status, holdUntil, holdThen } = record.status;
    const now = clock.now();
    // Released, revoked or prolonged meanwhile, perhaps by another node.
    if (status !== 'onHold' || holdUntil === undefined || holdUntil > now) {
      return undefined;
    }
    if (holdThen === 'alarm' || holdThen === undefined) {
      await transaction.inventory.markHoldAlarmed(
        record.tenant,
        record.issuerId,
        record.serialNumber,
        now,
      );
      await recordDone(dependencies, transaction, systemPrincipal, {
        act: 'certificate.holdDeadline',
        object,
        details: { holdUntil, then: 'alarm' },
      });
      return 'alarm';
    }
    await applyChange(context, transaction, systemPrincipal, record, {
      act: holdThen,
      ...(holdThen === 'revoke' ? { reasonCode: 'unspecified' as const } : {}),
      comment: `the hold ended at its deadline ${holdUntil.toISOString()}`,
      requestedAt: now,
      requestedBy: systemPrincipal.name,
      effectiveAt: now,
    });
    return holdThen;
  });
  if (ended === 'alarm') {
    log('alarm', 'a hold passed its deadline; decide: release or revoke', { certificate: object });
  } else if (ended !== undefined) {
    context.crls.request(due.issuerId, due.shard);
  }
}

/** The certificate's row, locked until the transaction ends. */
export async function lock(
  transaction: Transaction,
  found: CertificateRecord,
): Promise<CertificateRecord> {
  const record = await transaction.inventory.findForUpdate(
    found.tenant,
    found.issuerId,
    found.serialNumber,
  );
  if (record === undefined) {
    throw new ChanceryError('notFound', { message: `certificate ${found.serialNumber} is gone` });
  }
  return record;
}

/** One change of status with its history and audit record, within the caller's transaction. */
export async function applyChange(
  { dependencies }: AuthorityContext,
  transaction: Transaction,
  principal: Principal,
  record: CertificateRecord,
  change: StatusChange,
  options: { readonly evenPrepared: boolean } = { evenPrepared: false },
): Promise<CertificateRecord> {
  if (record.issuanceState === 'prepared' && !options.evenPrepared) {
    throw new ChanceryError('illegalTransition', {
      message: `certificate ${record.serialNumber} is being issued right now; ask again in a moment`,
      retryAfter: 1,
    });
  }
  const status = nextStatus(record.status, change);
  const { tenant, issuerId, serialNumber } = record;
  // Of a certificate of which only the serial number was imported no key is known.
  if (isCompromise(change) && record.spkiHash !== '') {
    await transaction.inventory.blockKey(
      tenant,
      record.spkiHash,
      change.reasonCode,
      change.effectiveAt,
      principal.name,
    );
  }
  await transaction.inventory.changeStatus(tenant, issuerId, serialNumber, status, change);
  await recordDone(dependencies, transaction, principal, {
    act: `certificate.${change.act}`,
    object: certificateReference(record),
    details: {
      ...auditDetails(change),
      statusBefore: record.status.status,
      statusAfter: status.status,
    },
  });
  return { ...record, status };
}

export function isCompromise(
  change: StatusChange,
): change is StatusChange & { readonly act: 'revoke'; readonly reasonCode: ReasonCode } {
  return (
    change.act === 'revoke' && change.reasonCode !== undefined && compromise.has(change.reasonCode)
  );
}

/**
 * Compromise of a key revokes every certificate of that key, in the transaction that blocks it: a
 * crash leaves either nothing done or all. An issuance that passed its check before the block and
 * commits its intent only afterwards meets the block when it completes, and is abandoned.
 */
async function sweepCompromisedKey(
  context: AuthorityContext,
  transaction: Transaction,
  principal: Principal,
  first: CertificateRecord,
  revoke: (now: Date) => StatusChange,
): Promise<readonly CertificateRecord[]> {
  const { clock, tenant } = context.dependencies;
  const rows = await transaction.inventory.findBySpkiHash(tenant, first.spkiHash, sweepSize);
  const revoked: CertificateRecord[] = [];
  for (const row of rows) {
    const record = await lock(transaction, row);
    if (record.issuanceState !== 'abandoned' && record.status.status !== 'revoked') {
      const change = revoke(clock.now());
      revoked.push(
        await applyChange(context, transaction, principal, record, change, {
          evenPrepared: true,
        }),
      );
    }
  }
  return revoked;
}

/** Whoever looks after certificates does not look after issuers: revoking a CA ends all below it. */
function refuseIssuersToOthers(principal: Principal, { type, subject }: CertificateRecord): void {
  if (type === 'ca' && !isAuthorized(principal, 'issuers:create')) {
    throw new ChanceryError('forbidden', {
      message: `${subject} is a CA certificate; only who may make issuers (issuers:create) holds, releases or revokes it`,
      field: 'issuers:create',
    });
  }
}

export function refuseHalfAnEnd(
  { until, then }: Pick<HoldRequest, 'until' | 'then'>,
  now: Date,
): void {
  if ((until === undefined) !== (then === undefined)) {
    throw new ChanceryError('invalidArgument', {
      message: 'a hold with an end needs both: --until T and --then release|revoke|alarm',
      field: until === undefined ? 'until' : 'then',
    });
  }
  if (until !== undefined && until <= now) {
    throw new ChanceryError('invalidArgument', {
      message: `the hold would end in the past (${until.toISOString()}); give a later time`,
      field: 'until',
    });
  }
}

export function refuseFuture(field: string, time: Date | undefined, now: Date): void {
  if (time !== undefined && time > now) {
    throw new ChanceryError('invalidArgument', {
      message: `${field} ${time.toISOString()} lies in the future; it says since when the key is believed compromised`,
      field,
      clause: 'RFC 5280 §5.3.2',
    });
  }
}

export function auditDetails(change: StatusChange): Readonly<Record<string, unknown>> {
  const { reasonCode, cause, comment, invalidityDate, effectiveAt, until, then } = change;
  return Object.fromEntries(
    Object.entries({ reasonCode, cause, comment, invalidityDate, effectiveAt, until, then }).filter(
      ([, value]) => value !== undefined,
    ),
  );
}
