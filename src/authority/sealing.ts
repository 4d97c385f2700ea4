import {
  type IncidentAct,
  isChanceryError,
  type KeyId,
  nextStatus,
  type Principal,
  type StatusChange,
} from '../domain/index.ts';
import { keyIdentifierHex } from '../pkix/index.ts';
import { recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import { certificateReference } from './issuance-core.ts';
import { changeKeyState } from './key-states.ts';
import type { CertificateRecord, IncidentRecord, Transaction } from './ports.ts';
import { auditDetails } from './status-acts.ts';

/** What was done to the key and to CA certificates at once, in the transaction of the act. */
export interface Sealed {
  /** Keys of which signer processes must be told after the commit. */
  readonly keys: readonly KeyId[];
  /** CA certificates whose status changed. */
  readonly certificates: readonly CertificateRecord[];
  readonly events: readonly {
    readonly event: string;
    readonly details: Readonly<Record<string, unknown>>;
  }[];
}

/**
 * What must not wait for a job: the key's state, its block, and the CA certificates of and below a
 * compromised issuer. From the commit on its responder answers `revoked` for all that it signed.
 *
 * CA certificates below are revoked as `cessationOfOperation`: their own keys are not suspected, and
 * may be certified by another issuer.
 */
export async function seal(
  context: AuthorityContext,
  transaction: Transaction,
  principal: Principal,
  incident: IncidentRecord,
  act: IncidentAct,
): Promise<Sealed> {
  const events: Sealed['events'][number][] = [];
  const keys: KeyId[] = [];
  const { spkiHash, keyId, issuerId, tenant, reason } = incident;
  if (spkiHash === undefined || incident.drill) return { keys, certificates: [], events };
  const now = context.dependencies.clock.now();
  if (act === 'revoke') {
    const reasonCode = issuerId === undefined ? 'keyCompromise' : 'cACompromise';
    await transaction.inventory.blockKey(tenant, spkiHash, reasonCode, now, principal.name);
    events.push({ event: 'keyBlocked', details: { spkiHash, reasonCode } });
  }
  if (keyId !== undefined) {
    const keyAct = act === 'revoke' ? 'compromised' : 'suspend';
    try {
      await changeKeyState(context.dependencies, transaction, principal, keyId, keyAct, {
        reason,
        details: { incident: incident.id },
      });
      keys.push(keyId);
      events.push({
        event: keyAct === 'compromised' ? 'keyCompromised' : 'keySuspended',
        details: { keyId },
      });
    } catch (error) {
      // It stands there already, or beyond: declared before, or destroyed.
      if (!isChanceryError(error) || error.code !== 'illegalTransition') throw error;
    }
  }
  const certificates =
    issuerId === undefined
      ? []
      : await changeAuthorities(context, transaction, principal, incident, act, now);
  for (const record of certificates) {
    events.push({
      event: act === 'revoke' ? 'issuerRevoked' : 'issuerHeld',
      details: {
        certificate: certificateReference(record),
        subject: record.subject,
        reasonCode: record.status.reasonCode,
      },
    });
  }
  const issuer = issuerId === undefined ? undefined : await context.issuers.byNameOrId(issuerId);
  const [own, parent] = issuer?.chain ?? [];
  if (own !== undefined && parent !== undefined) {
    const parentId = keyIdentifierHex(parent.subjectPublicKeyInfo);
    const known = await transaction.inventory.find(tenant, parentId, own.serialNumber);
    if (known === undefined) {
      events.push({
        event: 'issuerCertifiedElsewhere',
        details: {
          serialNumber: own.serialNumber,
          toDo: 'the CA that certified this issuer must revoke its certificate; ask its operator now',
        },
      });
    }
  }
  return { keys, certificates, events };
}

/** The compromised issuer's own certificates (cross and link certificates, too), and the CAs right below. */
async function changeAuthorities(
  { dependencies }: AuthorityContext,
  transaction: Transaction,
  principal: Principal,
  incident: IncidentRecord,
  act: IncidentAct,
  now: Date,
): Promise<readonly CertificateRecord[]> {
  const { tenant, spkiHash = '', issuerId = '', invalidityDate } = incident;
  const own = await transaction.incidents.caCertificates({ tenant, spkiHash, now });
  const below = await transaction.incidents.caCertificates({ tenant, issuerId, now });
  const changed = new Map<string, CertificateRecord>();
  for (const [list, isOwn] of [
    [own, true],
    [below, false],
  ] as const) {
    for (const ref of list) {
      const record = await transaction.inventory.findForUpdate(
        tenant,
        ref.issuerId,
        ref.serialNumber,
      );
      const unchanged = act === 'revoke' ? ['good', 'onHold'] : ['good'];
      if (record === undefined || !unchanged.includes(record.status.status)) continue;
      const change: StatusChange =
        act === 'revoke'
          ? {
              act,
              reasonCode: isOwn ? 'cACompromise' : 'cessationOfOperation',
              ...(isOwn ? { invalidityDate } : {}),
              comment: `incident ${incident.id}: ${isOwn ? 'the key is compromised' : 'the issuer’s key is compromised'}`,
              requestedAt: now,
              requestedBy: principal.name,
              effectiveAt: now,
            }
          : {
              act,
              reasonCode: 'certificateHold',
              cause: 'keyStatusUnknown',
              comment: `incident ${incident.id}`,
              requestedAt: now,
              requestedBy: principal.name,
              effectiveAt: now,
            };
      const status = nextStatus(record.status, change);
      await transaction.inventory.changeStatus(
        tenant,
        record.issuerId,
        record.serialNumber,
        status,
        change,
      );
      await recordDone(dependencies, transaction, principal, {
        act: `certificate.${act}`,
        object: certificateReference(record),
        details: {
          incident: incident.id,
          ...auditDetails(change),
          statusBefore: record.status.status,
          statusAfter: status.status,
        },
      });
      changed.set(certificateReference(record), { ...record, status });
    }
  }
  return [...changed.values()];
}
