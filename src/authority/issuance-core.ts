import {
  ChanceryError,
  initialStatus,
  isChanceryError,
  nextStatus,
  type Principal,
  type SerialNumber,
  type StatusChange,
} from '../domain/index.ts';
import { issueCertificate, prepareCertificate, type SigningIssuer } from '../issuance/index.ts';
import { formatGeneralName, type TbsCertificate } from '../pkix/index.ts';
import {
  applyProfile,
  type CaParameters,
  type CertificateRequestInput,
  type IssuerInput,
  type Profile,
} from '../policy/index.ts';
import { type Act, recordDone } from './acts.ts';
import { chooseShard, type Sharding, shardUrl } from './crl-shards.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import { inventoryRow } from './inventory-row.ts';
import { type ObservedSigner, observedSigner } from './observed-signer.ts';
import { sha256 } from './octets.ts';
import type { CertificateRecord, IssuerRecord, Transaction } from './ports.ts';
import { drawSerialNumber } from './serial-numbers.ts';

/** A certificate just issued, with what was asked and what was granted. */
export interface IssuedCertificate {
  readonly record: CertificateRecord;
  readonly certificate: Uint8Array;
  /** The issuers above it, its own first, without the root. */
  readonly chain: readonly Uint8Array[];
  readonly requested: Readonly<Record<string, unknown>>;
  readonly granted: Readonly<Record<string, unknown>>;
}

export interface IssuanceOrder {
  readonly principal: Principal;
  readonly issuer: {
    readonly signing: SigningIssuer;
    readonly input: IssuerInput;
    readonly sharding: Sharding;
    readonly record: Pick<IssuerRecord, 'name' | 'standing' | 'successorId'>;
  };
  readonly profile: Profile;
  readonly request: CertificateRequestInput;
  readonly caParameters?: CaParameters | undefined;
  readonly owner: string;
  readonly tags: readonly string[];
  readonly idempotencyKey?: string | undefined;
  readonly replaces?: string | undefined;
  readonly act: Act;
  /** Facts beside the request that belong in the record (how possession was proven). */
  readonly evidence: Readonly<Record<string, unknown>>;
  /**
   * Checks and companions in the intent's transaction. What must see the state before the row is
   * sent before the first await: statements run in the order in which they are sent.
   */
  readonly beforeIntent?:
    | ((transaction: Transaction, record: CertificateRecord) => Promise<void>)
    | undefined;
  /** Runs in the intent's transaction, after the row is inserted. */
  readonly afterIntent?:
    | ((transaction: Transaction, record: CertificateRecord) => Promise<void>)
    | undefined;
  /** Runs in the completion's transaction. */
  readonly onIssued?:
    | ((
        transaction: Transaction,
        record: CertificateRecord,
        certificate: Uint8Array,
      ) => Promise<void>)
    | undefined;
}

const serialAttempts = 4;

/**
 * prepare -> commit the intent -> sign -> verify -> commit the outcome (invariant 2).
 *
 * The serial number's conflict is retried before the signature, never after. When anything goes
 * wrong after the intent, the row becomes `abandoned`: it counts as possibly existing and is revoked.
 */
export async function issueFromOrder(
  dependencies: AuthorityDependencies,
  serialPrefix: () => Promise<string>,
  order: IssuanceOrder,
): Promise<{ readonly record: CertificateRecord; readonly certificate: Uint8Array }> {
  const { unitOfWork, clock, signer, failpoint, settings } = dependencies;
  const now = clock.now();
  const retired = new Set<number>();
  for (let attempt = 1; ; attempt += 1) {
    const serialNumber = await drawSerialNumber(await serialPrefix(), dependencies.random);
    const shard = shardFor(order, serialNumber, retired);
    const input = pointingTo(order.issuer.input, shard);
    const granted = grant(
      dependencies,
      { ...order, issuer: { ...order.issuer, input } },
      serialNumber,
      now,
    );
    const prepared = prepareCertificate({
      tbs: granted.tbs,
      issuer: order.issuer.signing,
      type: order.issuer.signing.certificate === undefined ? 'root' : order.profile.type,
      profile: {
        name: order.profile.name,
        maxValiditySeconds: longestValidity(order.profile),
        shortLived: order.profile.noRevAvail !== 'refused',
      },
      urls: input.urls,
    });
    const record = inventoryRow(order, granted, prepared.tbsDer, shard, now);
    failpoint('issue.1-before-intent');
    try {
      await unitOfWork.run(async (transaction) => {
        // Together: the checks are sent ahead of the row, and all travel once. One that fails undoes all.
        await Promise.all([
          order.beforeIntent?.(transaction, record),
          transaction.crls.requireOpen(record.tenant, record.issuerId, shard),
          transaction.inventory.insertPrepared(record),
          order.afterIntent?.(transaction, record),
        ]);
      });
    } catch (error) {
      if (isSerialConflict(error) && attempt < serialAttempts) {
        continue;
      }
      // Retired by another node since this one looked: nothing is committed, another shard takes it.
      if (isChanceryError(error) && error.field === 'shard' && !retired.has(shard)) {
        retired.add(shard);
        continue;
      }
      throw error;
    }
    failpoint('issue.2-after-intent');
    const observed = observedSigner(signer);
    let certificate: Uint8Array;
    try {
      certificate = await issueCertificate(prepared, observed.signer, settings.signDeadline);
    } catch (error) {
      await abandon(dependencies, order, record, error);
      throw error;
    }
    failpoint('issue.3-after-signature');
    const issued = await complete(dependencies, order, record, certificate, observed);
    failpoint('issue.4-after-commit');
    return { record: issued, certificate };
  }
}

/** Seconds. An administrator's act may go to the ceremony's maximum; policy has held everyone else to less. */
export function longestValidity({ type, validity }: Profile): number {
  return type === 'endEntity' ? validity.maximum : (validity.ceremonyMaximum ?? validity.maximum);
}

function isSerialConflict(error: unknown): boolean {
  return isChanceryError(error) && error.code === 'alreadyExists' && error.field === 'serialNumber';
}

/** @throws ChanceryError illegalTransition when every shard is retired */
function shardFor(
  { issuer, profile }: IssuanceOrder,
  serialNumber: SerialNumber,
  retired: ReadonlySet<number>,
): number {
  const shard = chooseShard(serialNumber, profile.type, issuer.sharding, retired);
  if (shard === undefined) {
    throw new ChanceryError('illegalTransition', {
      message:
        'no CRL shard of the issuer is open for this certificate; open one with `chancery issuer policy NAME --crl-shards N`',
      field: 'issuer',
    });
  }
  return shard;
}

/** The issuer as a certificate of one shard sees it: its CRL is the shard's (RFC 5280 §4.2.1.13). */
function pointingTo(input: IssuerInput, shard: number): IssuerInput {
  return { ...input, urls: { ...input.urls, crl: shardUrl(input.urls, shard) } };
}

export interface Granted {
  readonly tbs: TbsCertificate;
  readonly requested: Readonly<Record<string, unknown>>;
  readonly granted: Readonly<Record<string, unknown>>;
  readonly names: readonly string[];
}

function grant(
  { namePolicy, keyPolicy }: Pick<AuthorityDependencies, 'namePolicy' | 'keyPolicy'>,
  order: Pick<IssuanceOrder, 'profile' | 'request' | 'issuer' | 'caParameters'>,
  serialNumber: SerialNumber,
  now: Date,
): Granted {
  const decision = applyProfile({
    profile: order.profile,
    request: order.request,
    issuer: order.issuer.input,
    now,
    serialNumber,
    namePolicy,
    keyPolicy,
    caParameters: order.caParameters,
  });
  if (!decision.ok) {
    const [first] = decision.violations;
    const keyOnly = decision.violations.every(({ field }) => field === 'subjectPublicKey');
    throw new ChanceryError(keyOnly ? 'badPublicKey' : 'policyViolation', {
      message: `profile ${order.profile.name} refuses the request: ${decision.violations.map(({ message }) => message).join('; ')}`,
      field: first?.field,
      clause: first?.clause,
      violations: decision.violations,
    });
  }
  return {
    tbs: decision.tbs,
    requested: decision.requested,
    granted: decision.granted,
    names: decision.names.map(formatGeneralName),
  };
}

/**
 * Decides an order without row or signature: what is refused now would be refused then.
 *
 * @param serialNumber stands in the answer for the one that the issuance will draw
 * @throws ChanceryError policyViolation, badPublicKey
 */
export function checkOrder(
  dependencies: Pick<AuthorityDependencies, 'namePolicy' | 'keyPolicy' | 'clock'>,
  order: Pick<IssuanceOrder, 'profile' | 'request' | 'issuer' | 'caParameters'>,
  serialNumber: SerialNumber = '01',
): Granted {
  return grant(dependencies, order, serialNumber, dependencies.clock.now());
}

/** Lower-case hex SHA-256 of a SubjectPublicKeyInfo. */
export function spkiHash(spkiDer: Uint8Array): string {
  return sha256(spkiDer);
}

/** `issuerId/serialNumber`: how records refer to a certificate. */
export function certificateReference(record: {
  readonly issuerId: string;
  readonly serialNumber: string;
}): string {
  return `${record.issuerId}/${record.serialNumber}`;
}

async function complete(
  dependencies: AuthorityDependencies,
  order: IssuanceOrder,
  record: CertificateRecord,
  certificate: Uint8Array,
  observed: ObservedSigner,
): Promise<CertificateRecord> {
  const { unitOfWork, clock } = dependencies;
  const issuedAt = clock.now();
  const issued: CertificateRecord = { ...record, issuanceState: 'issued', certificate, issuedAt };
  try {
    await unitOfWork.run(async (transaction) => {
      // Sent together, judged before the commit.
      const [blocked, marked] = await Promise.all([
        transaction.inventory.isKeyBlocked(record.tenant, record.spkiHash),
        transaction.inventory.markIssued(
          record.tenant,
          record.issuerId,
          record.serialNumber,
          certificate,
          issuedAt,
        ),
        order.onIssued?.(transaction, issued, certificate),
        recordDone(dependencies, transaction, order.principal, {
          act: order.act.act,
          object: certificateReference(record),
          details: {
            profile: record.profileName,
            subject: record.subject,
            names: record.names,
            ...observed.facts(),
            ...order.act.details,
          },
        }),
      ]);
      // Blocked for compromise between intent and signature: what was signed counts as abandoned.
      if (blocked) {
        throw new ChanceryError('badPublicKey', {
          message:
            'the key was blocked for compromise while the certificate was being signed; make a new key',
          field: 'subjectPublicKey',
        });
      }
      if (!marked) {
        throw new ChanceryError('outcomeUnknown', {
          message:
            'the issuance took too long and was settled as abandoned; ask again, it gets a new serial number',
          retryAfter: 1,
        });
      }
    });
    return issued;
  } catch (error) {
    const settled = await outcomeAfterFailure(dependencies, record);
    if (settled?.issuanceState === 'issued') {
      return settled;
    }
    if (settled !== undefined) {
      await abandon(dependencies, order, record, error);
    }
    throw error;
  }
}

/** After a commit whose outcome is unknown: what the database says; undefined when it can't be asked. */
async function outcomeAfterFailure(
  { unitOfWork }: AuthorityDependencies,
  record: CertificateRecord,
): Promise<CertificateRecord | undefined> {
  try {
    return await unitOfWork.read(async (transaction) =>
      transaction.inventory.find(record.tenant, record.issuerId, record.serialNumber),
    );
  } catch {
    return undefined;
  }
}

/** Why an abandoned row stands on the CRL: its certificate may exist, although nobody received it. */
export function abandonment(requestedBy: string, at: Date, comment: string): StatusChange {
  return {
    act: 'revoke',
    reasonCode: 'unspecified',
    comment,
    requestedAt: at,
    requestedBy,
    effectiveAt: at,
  };
}

async function abandon(
  dependencies: AuthorityDependencies,
  order: IssuanceOrder,
  record: CertificateRecord,
  cause: unknown,
): Promise<void> {
  const { unitOfWork, clock, log } = dependencies;
  const reason = isChanceryError(cause) ? `${cause.code}: ${cause.message}` : 'internal error';
  const change = abandonment('system', clock.now(), `abandoned: ${reason}`);
  try {
    await unitOfWork.run(async (transaction) => {
      const { tenant, issuerId, serialNumber } = record;
      const state = nextStatus(initialStatus, change);
      if (
        await transaction.inventory.markAbandoned(tenant, issuerId, serialNumber, state, change)
      ) {
        if (order.idempotencyKey !== undefined) {
          await transaction.idempotency.remove(
            tenant,
            order.principal.id,
            order.idempotencyKey,
            certificateReference(record),
          );
        }
        await recordDone(dependencies, transaction, order.principal, {
          act: 'certificate.abandon',
          object: certificateReference(record),
          details: { reason },
        });
      }
    });
  } catch (error) {
    // The sweep settles the row when the database is back.
    log('warn', 'an issuance could not be settled now; the sweep will', {
      certificate: certificateReference(record),
      cause: String(error),
    });
  }
}
