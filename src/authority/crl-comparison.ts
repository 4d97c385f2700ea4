import { ChanceryError, type IssuerId, type SerialNumber } from '../domain/index.ts';
import type { CertificateList } from '../pkix/index.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import type { Transaction } from './ports.ts';

/**
 * Compares a CRL with the one before it: an entry that vanished needs a reason, release from
 * hold or one CRL issued past its notAfter (RFC 5280 §3.3). Otherwise publication stops.
 *
 * @throws ChanceryError internal naming the first serial numbers without a reason
 */
export async function refuseVanishedEntries(
  dependencies: AuthorityDependencies,
  issuerId: IssuerId,
  previous: CertificateList | undefined,
  next: CertificateList,
): Promise<void> {
  if (previous === undefined) {
    return;
  }
  const vanished = difference(previous, next);
  if (vanished.length === 0) {
    return;
  }
  const { unitOfWork, tenant, log } = dependencies;
  const unexplained = await unitOfWork.read(async (transaction) => {
    const found: SerialNumber[] = [];
    for (const serialNumber of vanished) {
      if (
        !(await mayVanish(transaction, { tenant, issuerId, serialNumber }, previous.thisUpdate))
      ) {
        found.push(serialNumber);
      }
    }
    return found;
  });
  const [first] = unexplained;
  if (first !== undefined) {
    log('alarm', 'entries would vanish from a CRL without a reason; publication stopped', {
      issuerId,
      count: unexplained.length,
      serialNumbers: unexplained.slice(0, 20),
    });
    throw new ChanceryError('issuanceHalted', {
      message: `${unexplained.length} entries would vanish from the CRL without release or expiry (first: ${first}); the old CRL stays. Run \`chancery database verify\``,
      clause: 'RFC 5280 §3.3',
    });
  }
}

async function mayVanish(
  transaction: Transaction,
  key: {
    readonly tenant: string;
    readonly issuerId: IssuerId;
    readonly serialNumber: SerialNumber;
  },
  previousThisUpdate: Date,
): Promise<boolean> {
  const record = await transaction.inventory.find(key.tenant, key.issuerId, key.serialNumber);
  if (record === undefined) {
    return false;
  }
  return record.status.status === 'good' || record.notAfter < previousThisUpdate;
}

/** Serial numbers of `previous` that `next` lacks. */
function difference(previous: CertificateList, next: CertificateList): SerialNumber[] {
  const kept = new Set<SerialNumber>();
  for (const { serialNumber } of next.entries()) {
    kept.add(serialNumber);
  }
  const gone: SerialNumber[] = [];
  for (const { serialNumber } of previous.entries()) {
    if (!kept.has(serialNumber)) {
      gone.push(serialNumber);
    }
  }
  return gone;
}
