import { initialStatus } from '../domain/index.ts';
import {
  findExtension,
  formatDistinguishedName,
  oids,
  parseCertificatePolicies,
  parseKeyUsage,
  type TbsCertificate,
} from '../pkix/index.ts';
import type { Granted, IssuanceOrder } from './issuance-core.ts';
import { sha256 } from './octets.ts';
import type { CertificateRecord } from './ports.ts';

/** The row that is committed before the signature: what was asked, granted, and by whom. */
export function inventoryRow(
  order: IssuanceOrder,
  { tbs, requested, granted, names }: Granted,
  tbsDer: Uint8Array,
  shard: number,
  now: Date,
): CertificateRecord {
  const policies = findExtension(tbs.extensions, oids.certificatePolicies);
  return {
    tenant: order.principal.tenant,
    issuerId: order.issuer.signing.issuerId,
    serialNumber: tbs.serialNumber,
    origin: 'issued',
    issuanceState: 'prepared',
    status: initialStatus,
    type: order.profile.type,
    tbsCertificate: tbsDer,
    profileName: order.profile.name,
    profileHash: order.profile.hash,
    subject: formatDistinguishedName(tbs.subject),
    names,
    spkiHash: sha256(tbs.subjectPublicKeyInfo.der),
    keyAlgorithm: tbs.subjectPublicKeyInfo.algorithm.oid,
    signatureAlgorithm: tbs.signature.oid,
    policies:
      policies === undefined
        ? []
        : parseCertificatePolicies(policies.value).map(({ policyIdentifier }) => policyIdentifier),
    notBefore: tbs.validity.notBefore,
    notAfter: tbs.validity.notAfter,
    requestedAt: now,
    requestedBy: order.principal.name,
    owner: order.owner,
    tags: order.tags,
    idempotencyKey: order.idempotencyKey,
    retentionClass: order.profile.retentionClass ?? 'standard',
    shard,
    replaces: order.replaces,
    requested: { ...requested, ...order.evidence, ...proofByOtherUse(tbs) },
    granted,
  };
}

/**
 * A key for agreement or transport signs nothing, but it may sign the request for its own certificate
 * (NIST SP 800-57 Part 1 §5.2). That the exception was used is kept with the certificate.
 */
function proofByOtherUse({ extensions }: TbsCertificate): Readonly<Record<string, unknown>> {
  const keyUsage = findExtension(extensions, oids.keyUsage);
  const bits = keyUsage === undefined ? [] : parseKeyUsage(keyUsage.value);
  return bits.length === 0 || signingUses.some((use) => bits.includes(use))
    ? {}
    : {
        proofByKeyEstablishmentKey: `the key is for ${bits.join(', ')} only and signed the request for its own certificate (NIST SP 800-57 Part 1 §5.2)`,
      };
}

const signingUses = ['digitalSignature', 'nonRepudiation', 'keyCertSign', 'cRLSign'] as const;
