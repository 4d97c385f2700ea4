import { canonicalize } from '../audit/index.ts';
import { ChanceryError, type Principal } from '../domain/index.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import { certificateReference } from './issuance-core.ts';
import { sha256 } from './octets.ts';
import type { CertificateRecord, Transaction } from './ports.ts';

/** A request that may come twice: the same key and body give the same answer for 24 h. */
export interface IdempotentRequest {
  /** Scoped to the principal; undefined: every request is a new one. */
  readonly idempotencyKey?: string | undefined;
  /** SHA-256 of what was asked, see `bodyHash`. */
  readonly bodyHash: string;
}

const idempotencyHours = 24;

/** Lower-case hex SHA-256 of the request's canonical form; members that are undefined don't count. */
export function bodyHash(body: Readonly<Record<string, unknown>>): string {
  const defined = Object.fromEntries(
    Object.entries(body).filter(([, value]) => value !== undefined),
  );
  return sha256(canonicalize(defined));
}

/** Claims the key in the intent's transaction. @throws ChanceryError idempotencyInProgress when it is taken. */
export async function beginIdempotent(
  { clock }: AuthorityDependencies,
  transaction: Transaction,
  principal: Principal,
  request: IdempotentRequest,
): Promise<void> {
  if (request.idempotencyKey === undefined) {
    return;
  }
  const now = clock.now();
  const existing = await transaction.idempotency.begin(
    {
      tenant: principal.tenant,
      principalId: principal.id,
      key: request.idempotencyKey,
      bodyHash: request.bodyHash,
      startedAt: now,
    },
    forgetBefore(now),
  );
  if (existing !== undefined) {
    throw inProgress();
  }
}

/**
 * What the first request with this key led to; undefined when this is the first, or when the
 * first one was abandoned (its certificate is revoked, and this request gets a new serial number).
 *
 * @throws ChanceryError idempotencyMismatch, idempotencyInProgress
 */
export async function earlierIssuance(
  { unitOfWork, clock }: AuthorityDependencies,
  principal: Principal,
  request: IdempotentRequest,
): Promise<{ readonly record: CertificateRecord; readonly certificate: Uint8Array } | undefined> {
  const key = request.idempotencyKey;
  if (key === undefined) {
    return undefined;
  }
  const { tenant, id } = principal;
  const oldest = forgetBefore(clock.now());
  const found = await unitOfWork.read(async (transaction) => {
    const first = await transaction.idempotency.find(tenant, id, key);
    if (first === undefined || first.startedAt < oldest) {
      return undefined;
    }
    if (first.bodyHash !== request.bodyHash) {
      throw new ChanceryError('idempotencyMismatch', {
        message:
          'this Idempotency-Key was used with another request; take a new key for a new request',
        field: 'Idempotency-Key',
      });
    }
    const [issuerId = '', serialNumber = ''] = (first.certificate ?? '').split('/');
    return { record: await transaction.inventory.find(tenant, issuerId, serialNumber) };
  });
  if (found === undefined) {
    return undefined;
  }
  const { record } = found;
  if (record?.issuanceState === 'abandoned') {
    const abandoned = certificateReference(record);
    // Another retry may have begun under this key since: that one stays.
    await unitOfWork.run(async (transaction) =>
      transaction.idempotency.remove(tenant, id, key, abandoned),
    );
    return undefined;
  }
  if (record?.certificate === undefined) {
    throw inProgress();
  }
  return { record, certificate: record.certificate };
}

function forgetBefore(now: Date): Date {
  return new Date(now.getTime() - idempotencyHours * 3_600_000);
}

function inProgress(): ChanceryError {
  return new ChanceryError('idempotencyInProgress', {
    message:
      'the first request with this Idempotency-Key is still running; ask again with the same key and body',
    retryAfter: 1,
  });
}
