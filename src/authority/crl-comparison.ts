import { ChanceryError, type IssuerId, type SerialNumber } from '../domain/index.ts';
import type { CertificateListOutline, RevokedCertificate } from '../pkix/index.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import type { CrlRecord, Transaction } from './ports.ts';

/**
 * Compares a CRL with the one before it: `vanished` are the entries that it has no more. Each needs a reason, release from
 * hold or one CRL issued past its notAfter (RFC 5280 §3.3). Otherwise publication stops.
 *
 * @throws ChanceryError internal naming the first serial numbers without a reason
 */
export async function refuseVanishedEntries(
  dependencies: AuthorityDependencies,
  issuerId: IssuerId,
  previous: Pick<CertificateListOutline, 'thisUpdate'>,
  vanished: AsyncIterable<RevokedCertificate>,
): Promise<void> {
  const { tenant } = dependencies;
  await refuseUnexplained(dependencies, issuerId, vanished, (entry) => {
    return async (transaction) =>
      mayVanish(transaction, tenant, issuerId, entry, previous.thisUpdate);
  });
}

/**
 * Compares a delta CRL with the one before it: an entry of `vanished`, not repeated, must stand on the base
 * that the delta builds upon, or have a reason as on a complete CRL (RFC 5280 §5.2.4).
 *
 * @throws ChanceryError as `refuseVanishedEntries`
 */
export async function refuseLostDeltaEntries(
  dependencies: AuthorityDependencies,
  issuerId: IssuerId,
  base: CrlRecord,
  previous: Pick<CertificateListOutline, 'thisUpdate'>,
  vanished: AsyncIterable<RevokedCertificate>,
): Promise<void> {
  const { tenant } = dependencies;
  // A second for what a CRL does not tell of a time.
  const covered = (since: Date): boolean => wholeSeconds(since) <= base.thisUpdate.getTime() + 1000;
  await refuseUnexplained(dependencies, issuerId, vanished, (entry) => {
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

const explainedAtOnce = 1000;

type Explained = (entry: RevokedCertificate) => (transaction: Transaction) => Promise<boolean>;

async function refuseUnexplained(
  dependencies: AuthorityDependencies,
  issuerId: IssuerId,
  vanished: AsyncIterable<RevokedCertificate>,
  isExplained: Explained,
): Promise<void> {
  const { unitOfWork, log } = dependencies;
  const unexplained: SerialNumber[] = [];
  const explain = async (entries: readonly RevokedCertificate[]): Promise<void> => {
    await unitOfWork.read(async (transaction) => {
      for (const entry of entries) {
        if (!(await isExplained(entry)(transaction))) {
          unexplained.push(entry.serialNumber);
        }
      }
    });
  };
  // Held a few at a time: a day on which much expires is not held whole.
  let held: RevokedCertificate[] = [];
  for await (const entry of vanished) {
    held.push(entry);
    if (held.length === explainedAtOnce) {
      await explain(held);
      held = [];
    }
  }
  if (held.length > 0) {
    await explain(held);
  }
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
