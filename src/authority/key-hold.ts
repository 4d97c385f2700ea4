import { ChanceryError, type Principal, type StatusChange } from '../domain/index.ts';
import type { StoredKeyTransition } from '../keys/index.ts';
import { parseCertificate } from '../pkix/index.ts';
import type { AuthorityContext } from './context.ts';
import type { CertificateRecord, IssuerRecord, Transaction } from './ports.ts';
import { applyChange, lock } from './status-acts.ts';

/** What became of the certificate of a CA whose key was suspended or resumed (§7.3). */
export interface HeldCertificate {
  /** In words, for the person who acted. */
  readonly text: string;
  /** The certificate whose status changed with the key's state. */
  readonly certificate?: CertificateRecord | undefined;
}

/** Its own certificate in the inventory of a parent that is ours; undefined for a root or a parent elsewhere. */
async function underOurParent(
  transaction: Transaction,
  issuer: IssuerRecord,
): Promise<CertificateRecord | undefined> {
  if (issuer.parentIssuerId === undefined || issuer.certificate === undefined) return undefined;
  const { serialNumber } = parseCertificate(issuer.certificate);
  return transaction.inventory.find(issuer.tenant, issuer.parentIssuerId, serialNumber);
}

/** SP 800-57 Part 1 §7.3: while the key is suspended, its certificate is on hold; in the same transaction. */
export async function holdWithKey(
  context: AuthorityContext,
  transaction: Transaction,
  principal: Principal,
  issuer: IssuerRecord,
  reason: string,
): Promise<HeldCertificate> {
  const found = await underOurParent(transaction, issuer);
  if (found === undefined) {
    return {
      text:
        issuer.kind === 'root'
          ? `${issuer.name} is a root: nobody can put its certificate on hold. Tell its relying parties, and take it out of trust bundles if it does not come back`
          : `the parent of ${issuer.name} is elsewhere: ask it to put the CA certificate on hold (certificateHold), and to release it later`,
    };
  }
  const record = await lock(transaction, found);
  if (record.status.status !== 'good') {
    return { text: `the CA certificate ${record.serialNumber} is ${record.status.status} already` };
  }
  const certificate = await applyChange(context, transaction, principal, record, {
    ...now(context, principal),
    act: 'hold',
    reasonCode: 'certificateHold',
    cause: 'keyStatusUnknown',
    comment: `its key was suspended: ${reason}`.slice(0, 1000),
  });
  return { text: `the CA certificate ${record.serialNumber} is on hold`, certificate };
}

/** Releases the hold that came with the suspension, and no other. */
export async function releaseWithKey(
  context: AuthorityContext,
  transaction: Transaction,
  principal: Principal,
  issuer: IssuerRecord,
  history: readonly StoredKeyTransition[],
): Promise<HeldCertificate> {
  const suspension = history.findLast(({ to }) => to === 'suspended');
  const serialNumber = suspension?.details?.['heldSerialNumber'];
  const found = await underOurParent(transaction, issuer);
  if (found === undefined) {
    return {
      text:
        issuer.kind === 'root'
          ? `${issuer.name} is a root: tell its relying parties that its key is in use again`
          : `if the parent of ${issuer.name} has put the CA certificate on hold, ask it to release it`,
    };
  }
  const record = await lock(transaction, found);
  if (record.status.status === 'good') return { text: 'the CA certificate is good' };
  if (record.status.status === 'revoked') {
    throw new ChanceryError('certificateRevoked', {
      message: `the CA certificate ${record.serialNumber} was revoked while the key was suspended; the key does not come back to use: destroy it, or mark it compromised`,
      field: 'key',
      clause: 'SP 800-57 Part 1 §7.3',
    });
  }
  if (serialNumber !== record.serialNumber) {
    return {
      text: `the CA certificate ${record.serialNumber} was on hold before the key was suspended and stays so; \`chancery release ${record.serialNumber}\` ends it`,
    };
  }
  const certificate = await applyChange(context, transaction, principal, record, {
    ...now(context, principal),
    act: 'release',
    comment: 'its key is active again',
  });
  return { text: `the hold of the CA certificate ${record.serialNumber} is released`, certificate };
}

/** After the commit: the parent's CRL tells of it, and standings are looked up anew. */
export function tellOfHold(
  { standing, crls }: Pick<AuthorityContext, 'standing' | 'crls'>,
  { certificate }: HeldCertificate,
): void {
  standing.forget();
  if (certificate !== undefined) crls.request(certificate.issuerId, certificate.shard);
}

/** Who asked, when, and since when it counts. */
function now(
  { dependencies: { clock } }: AuthorityContext,
  principal: Principal,
): Pick<StatusChange, 'requestedAt' | 'requestedBy' | 'effectiveAt'> {
  const at = clock.now();
  return { requestedAt: at, requestedBy: principal.name, effectiveAt: at };
}
