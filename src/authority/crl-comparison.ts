import { ChanceryError, type IssuerId, type SerialNumber } from '../domain/index.ts';
import { type CertificateList, entriesOnlyIn, type RevokedCertificate } from '../pkix/index.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import type { CrlRecord, Transaction } from './ports.ts';

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
  const { tenant } = dependencies;
  await refuseUnexplained(dependencies, issuerId, entriesOnlyIn(previous, next), (entry) => {
    return async (transaction) =>
      mayVanish(transaction, tenant, issuerId, entry, previous.thisUpdate);
  });
}

/**
 * Compares a delta CRL with the one before it: an entry that is not repeated must stand on the base
 * that the delta builds upon, or have a reason as on a complete CRL (RFC 5280 §5.2.4).
 *
 * @throws ChanceryError as `refuseVanishedEntries`
 */
export async function refuseLostDeltaEntries(
  dependencies: AuthorityDependencies,
  issuerId: IssuerId,
  base: CrlRecord,
  previous: CertificateList | undefined,
  next: CertificateList,
): Promise<void> {
  if (previous === undefined) {
    return;
  }
  const { tenant } = dependencies;
  // A second for what a CRL does not tell of a time.
  const covered = (since: Date): boolean => wholeSeconds(since) <= base.thisUpdate.getTime() + 1000;
  await refuseUnexplained(dependencies, issuerId, entriesOnlyIn(previous, next), (entry) => {
    return async (transaction) => {
      if (entry.reasonCode === 'removeFromCRL') {
        return true;
      }
      const record = await transaction.inventory.find(tenant, issuerId, entry.serialNumber);
      const since = record?.status.notGoodSince;
      return (
        (since !== undefined && covered(since)) ||
        (await mayVanish(transaction, tenant, issuerId, entry, previous.thisUpdate))
      );
    };
  });
}

type Explained = (entry: RevokedCertificate) => (transaction: Transaction) => Promise<boolean>;

async function refuseUnexplained(
  dependencies: AuthorityDependencies,
  issuerId: IssuerId,
  vanished: readonly RevokedCertificate[],
  isExplained: Explained,
): Promise<void> {
  if (vanished.length === 0) {
    return;
  }
  const { unitOfWork, log } = dependencies;
  const unexplained = await unitOfWork.read(async (transaction) => {
    const found: SerialNumber[] = [];
    for (const entry of vanished) {
      if (!(await isExplained(entry)(transaction))) {
        found.push(entry.serialNumber);
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

/**
 * A hold may leave after a release that followed it; anything else only past notAfter. That the
 * record says good is no reason: a database that was restored says so of what was revoked since.
 */
async function mayVanish(
  transaction: Transaction,
  tenant: string,
  issuerId: IssuerId,
  entry: RevokedCertificate,
  previousThisUpdate: Date,
): Promise<boolean> {
  const { serialNumber } = entry;
  const record = await transaction.inventory.find(tenant, issuerId, serialNumber);
  if (record === undefined) {
    return false;
  }
  if (record.notAfter < previousThisUpdate) {
    return true;
  }
  if (entry.reasonCode !== 'certificateHold') {
    return false;
  }
  const history = await transaction.inventory.history(tenant, issuerId, serialNumber);
  return history.some(
    ({ act, effectiveAt }) =>
      act === 'release' && wholeSeconds(effectiveAt) >= wholeSeconds(entry.revocationDate),
  );
}

/** A CRL tells seconds. */
function wholeSeconds(time: Date): number {
  return Math.floor(time.getTime() / 1000);
}
