import { ChanceryError, type IssuerId, type KeyId } from '../domain/index.ts';
import { type Certificate, keyIdentifierHex } from '../pkix/index.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import type { IssuanceOrder } from './issuance-core.ts';
import { type KeyStanding, refusalOf } from './key-standing.ts';

/**
 * Whether an issuer may still issue: its key must be active, its own certificate and those above it, as
 * far as the inventory has them, must be good. A revoked CA goes on with CRLs and OCSP delegates: relying parties need
 * both to learn of it.
 */
export interface IssuerStanding {
  /** @throws ChanceryError certificateRevoked, certificateOnHold naming the certificate; illegalTransition naming the key's state */
  require(order: Pick<IssuanceOrder, 'issuer' | 'profile'>): Promise<void>;
  /** The status of a CA certificate changed here; other nodes see it within a second. */
  forget(): void;
}

/** What was looked up is believed this long: a lookup for each issuance would be one too many. */
const believedMilliseconds = 1000;

interface Finding {
  readonly at: number;
  readonly problem: ChanceryError | undefined;
  readonly key: KeyStanding | undefined;
}

export function issuerStanding({
  unitOfWork,
  clock,
  tenant,
}: Pick<AuthorityDependencies, 'unitOfWork' | 'clock' | 'tenant'>): IssuerStanding {
  const findings = new Map<IssuerId, Finding>();

  const lookUp = async (
    keyId: KeyId,
    chain: readonly Certificate[],
  ): Promise<Pick<Finding, 'problem' | 'key'>> =>
    unitOfWork.read(async (transaction) => {
      const key = await transaction.keys.find(tenant, keyId);
      for (const [index, certificate] of chain.entries()) {
        const above = chain[index + 1] ?? certificate;
        const issuerId = keyIdentifierHex(above.subjectPublicKeyInfo);
        const record = await transaction.inventory.find(tenant, issuerId, certificate.serialNumber);
        if (record !== undefined && record.status.status !== 'good') {
          const { status, reasonCode } = record.status;
          return { key, problem: notGood(record.subject, status, reasonCode) };
        }
      }
      return { key, problem: undefined };
    });

  return {
    async require({ issuer, profile }) {
      const { issuerId, chain } = issuer.input;
      if (chain.length === 0) {
        return;
      }
      const delegate = profile.type === 'ocspSigning';
      if (!delegate) refuseByStanding(issuer.record);
      const now = clock.now().getTime();
      let finding = findings.get(issuerId);
      if (finding === undefined || Math.abs(now - finding.at) >= believedMilliseconds) {
        finding = { at: now, ...(await lookUp(issuer.signing.keyId, chain)) };
        findings.set(issuerId, finding);
      }
      const use = delegate ? 'delegate' : 'certificate';
      const refusal = finding.key && refusalOf(issuer.record.name, finding.key, use, clock.now());
      if (refusal !== undefined) throw refusal;
      if (!delegate && finding.problem !== undefined) {
        throw finding.problem;
      }
    },
    forget() {
      findings.clear();
    },
  };
}

/** Of a prepared issuer the public key is not distributed yet; a retiring one has delegates certified only. */
function refuseByStanding({
  name,
  standing,
  successorId,
}: IssuanceOrder['issuer']['record']): void {
  if (standing === 'issuing') {
    return;
  }
  throw new ChanceryError('illegalTransition', {
    message:
      standing === 'prepared'
        ? `issuer ${name} is prepared and issues nothing yet; \`chancery issuer rollover activate ${name}\` begins it`
        : `issuer ${name} is ${standing} and issues nothing any more; ${successorId === undefined ? 'name another issuer' : `name its successor ${successorId}`}`,
    field: 'issuer',
    clause: 'SP 800-57 Part 1 §7.2',
  });
}

function notGood(
  subject: string,
  status: 'onHold' | 'revoked',
  reasonCode: string | undefined,
): ChanceryError {
  return status === 'onHold'
    ? new ChanceryError('certificateOnHold', {
        message: `the CA certificate ${subject} is on hold, so nothing is issued below it; release it or name another issuer`,
        field: 'issuer',
      })
    : new ChanceryError('certificateRevoked', {
        message: `the CA certificate ${subject} is revoked (${reasonCode ?? 'unspecified'}), so nothing is issued below it; name another issuer`,
        field: 'issuer',
        clause: 'RFC 5280 §6.1.3',
      });
}
