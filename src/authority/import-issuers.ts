import { X509Certificate } from 'node:crypto';
import { ChanceryError, type IssuerId, isChanceryError, type Principal } from '../domain/index.ts';
import {
  formatDistinguishedName,
  keyIdentifierHex,
  parseCertificate,
  verifyChain,
} from '../pkix/index.ts';
import type { AuthorityContext } from './context.ts';
import type { Sharding } from './crl-shards.ts';
import { keyHashesOf, nameHashesOf } from './issuer-key.ts';
import type { ForeignIssuerRecord, IssuerRecord, Transaction } from './ports.ts';

/** An issuer whose certificates may be imported: ours, or a CA elsewhere. */
export interface ImportIssuer {
  readonly issuerId: IssuerId;
  readonly name: string;
  readonly x509: X509Certificate;
  /** Set for an issuer of ours: which shards take its certificates, and where their CRLs are. */
  readonly shards?:
    | { readonly sharding: Sharding; readonly urls: IssuerRecord['urls'] }
    | undefined;
  /** Set for a CA elsewhere: its record, kept with its first certificate. */
  readonly foreign?: ForeignIssuerRecord | undefined;
}

/** Which issuers an import names; neither: any that the inventory knows. */
export interface ImportIssuerChoice {
  /** Name or id. */
  readonly issuer?: string | undefined;
  /** DER of a CA certificate elsewhere. */
  readonly issuerCertificate?: Uint8Array | undefined;
}

/** @throws ChanceryError notFound, malformed, invalidArgument */
export async function importIssuers(
  context: AuthorityContext,
  principal: Principal,
  choice: ImportIssuerChoice,
): Promise<readonly ImportIssuer[]> {
  // Another node may have opened or retired a shard since.
  await context.issuers.refresh();
  const own = (await context.issuers.all()).flatMap(({ record, signing, sharding }) =>
    signing.certificate === undefined
      ? []
      : [
          {
            issuerId: record.issuerId,
            name: record.name,
            x509: new X509Certificate(signing.certificate.der),
            shards: { sharding, urls: record.urls },
          },
        ],
  );
  const foreign = await foreignIssuers(context, principal);
  if (choice.issuerCertificate !== undefined) {
    const given = foreignRecordOf(context, principal, choice.issuerCertificate);
    const known = [...own, ...foreign].find(({ issuerId }) => issuerId === given.issuerId);
    return [known ?? given];
  }
  const all = [...own, ...foreign];
  if (choice.issuer === undefined) return all;
  const named = all.filter(({ issuerId, name }) => [issuerId, name].includes(choice.issuer ?? ''));
  if (named.length === 0) {
    throw new ChanceryError('notFound', {
      message: `there is no issuer ${JSON.stringify(choice.issuer)}; there are: ${all.map(({ name }) => name).join(', ')}; of a CA elsewhere give the certificate (--issuer-certificate FILE)`,
      field: 'issuer',
    });
  }
  return named;
}

async function foreignIssuers(
  { dependencies }: AuthorityContext,
  { tenant }: Principal,
): Promise<readonly ImportIssuer[]> {
  const records = await dependencies.unitOfWork.read(async (transaction) =>
    transaction.foreignIssuers.list(tenant),
  );
  return records.map(importIssuerOf);
}

function importIssuerOf(record: ForeignIssuerRecord): ImportIssuer {
  const { issuerId, name, certificate } = record;
  return { issuerId, name, x509: new X509Certificate(certificate), foreign: record };
}

function foreignRecordOf(
  { dependencies }: AuthorityContext,
  principal: Principal,
  der: Uint8Array,
): ImportIssuer {
  const certificate = parseCertificate(der);
  const issuerId = keyIdentifierHex(certificate.subjectPublicKeyInfo);
  if (!new X509Certificate(der).ca) {
    throw new ChanceryError('invalidArgument', {
      message: `${formatDistinguishedName(certificate.subject)} is no CA certificate; give the certificate of the CA that signed those to be imported`,
      field: 'issuerCertificate',
      clause: 'RFC 5280 §4.2.1.9',
    });
  }
  // A path of one: what must not be relied on, and a root that its own key did not sign. Whether it is
  // valid now is not asked, since what a CA issued outlasts it in the inventory.
  const violations = verifyChain([certificate]);
  if (violations.length > 0) {
    throw new ChanceryError('policyViolation', {
      message: `the CA certificate is refused: ${violations.map(({ message }) => message).join('; ')}`,
      field: 'issuerCertificate',
      clause: violations[0]?.clause,
      violations,
    });
  }
  return importIssuerOf({
    tenant: principal.tenant,
    issuerId,
    name: formatDistinguishedName(certificate.subject),
    certificate: certificate.der,
    nameHashes: nameHashesOf(certificate.subject),
    keyHashes: keyHashesOf(certificate.subjectPublicKeyInfo),
    createdAt: dependencies.clock.now(),
    createdBy: principal.name,
  });
}

/** The id of an issuer by name or id, ours or elsewhere. @throws ChanceryError notFound */
export async function anyIssuerId(
  context: AuthorityContext,
  transaction: Transaction,
  principal: Principal,
  nameOrId: string,
): Promise<IssuerId> {
  try {
    return (await context.issuers.byNameOrId(nameOrId)).record.issuerId;
  } catch (error) {
    if (!isChanceryError(error) || error.code !== 'notFound') throw error;
    const foreign = (await transaction.foreignIssuers.list(principal.tenant)).find(
      ({ issuerId, name }) => issuerId === nameOrId.toLowerCase() || name === nameOrId,
    );
    if (foreign === undefined) throw error;
    return foreign.issuerId;
  }
}
