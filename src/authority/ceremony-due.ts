import type { KeyWarning } from '../keys/index.ts';
import { parseCertificate } from '../pkix/index.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import type { IssuerRecord, Transaction } from './ports.ts';
import { isAbsent } from './presence.ts';

/** Something of an absent issuer, and when it ends. */
interface Ending {
  readonly message: string;
  readonly due: Date;
}

/**
 * What the next ceremony must bring: of issuers whose token is absent, the CRL, the OCSP delegates and
 * the certificate that end within `ceremonies.warnAhead`, and changes of status that wait for a CRL.
 */
export async function ceremonyWarnings(
  { clock, settings, tenant }: Pick<AuthorityDependencies, 'clock' | 'settings' | 'tenant'>,
  transaction: Transaction,
): Promise<readonly KeyWarning[]> {
  const now = clock.now();
  const ahead = new Date(now.getTime() + settings.ceremonyWarnAheadSeconds * 1000);
  const absent = (await transaction.issuers.list(tenant)).filter(
    (record) =>
      record.state === 'active' && record.standing !== 'retired' && isAbsent(settings, record),
  );
  const warnings: KeyWarning[] = [];
  for (const record of absent) {
    const endings = [
      ...(await endOfCrls(transaction, record, ahead)),
      ...endOfCertificate(record, ahead),
      ...(await endOfDelegates(transaction, record, now, ahead)),
    ];
    const { keyId } = record;
    warnings.push(...endings.map((ending) => ({ kind: 'ceremonyDue' as const, keyId, ...ending })));
  }
  return warnings;
}

async function endOfCrls(
  transaction: Transaction,
  { tenant, issuerId, name }: IssuerRecord,
  ahead: Date,
): Promise<readonly Ending[]> {
  const states = await transaction.crls.shardStates(tenant, issuerId);
  return states
    .filter(({ endedAt }) => endedAt === undefined)
    .flatMap(({ complete, lastChange, openedAt }): Ending[] => {
      if (complete === undefined) {
        const message = `a ceremony is due: ${name} has no CRL, and its token is absent`;
        return [{ message, due: openedAt }];
      }
      const { nextUpdate, thisUpdate, coversChange } = complete;
      const found: Ending[] = [];
      if (nextUpdate <= ahead) {
        const message = `a ceremony is due (root-crl): the CRL of ${name} ends at ${nextUpdate.toISOString()}, and its token is absent`;
        found.push({ message, due: nextUpdate });
      }
      if (lastChange > coversChange) {
        const message = `a ceremony is due (root-crl): changes of status of certificates of ${name} wait for its next CRL; the last is of ${thisUpdate.toISOString()}`;
        found.push({ message, due: thisUpdate });
      }
      return found;
    });
}

function endOfCertificate({ name, certificate }: IssuerRecord, ahead: Date): readonly Ending[] {
  if (certificate === undefined) return [];
  const { notAfter } = parseCertificate(certificate).validity;
  if (notAfter > ahead) return [];
  const message = `a ceremony is due (rollover): the certificate of ${name} ends at ${notAfter.toISOString()}`;
  return [{ message, due: notAfter }];
}

/** Of each responder the certificate that lasts longest. */
async function endOfDelegates(
  transaction: Transaction,
  { tenant, issuerId, name }: IssuerRecord,
  now: Date,
  ahead: Date,
): Promise<readonly Ending[]> {
  const { items } = await transaction.inventory.search({
    ...{ tenant, issuerId, now, limit: 500 },
    profileName: 'ocsp-signing',
    status: 'good',
    issuanceState: 'issued',
  });
  const latest = new Map<string, Date>();
  for (const { owner, notAfter } of items) {
    const before = latest.get(owner);
    if (before === undefined || before < notAfter) latest.set(owner, notAfter);
  }
  // One whose certificate has run out, or that never had one, answers nothing for this issuer.
  const without = (await transaction.principals.list(tenant))
    .filter(({ role, disabledAt }) => role === 'responder' && disabledAt === undefined)
    .filter(({ name: responder }) => !latest.has(responder))
    .map(({ name: responder, createdAt }) => ({
      message: `a ceremony is due (delegate): ${responder} has no OCSP delegate of ${name} and answers nothing for it; the token is absent`,
      due: createdAt,
    }));
  return [...latest]
    .filter(([, due]) => due <= ahead)
    .map(([owner, due]) => ({
      message: `a ceremony is due (delegate): the OCSP delegate of ${name} for ${owner} ends at ${due.toISOString()}, and the token is absent`,
      due,
    }))
    .concat(without);
}
