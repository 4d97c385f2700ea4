import { ChanceryError } from '../domain/index.ts';
import { keyIdentifierHex, type SubjectPublicKeyInfo } from '../pkix/index.ts';
import type { LoadedIssuers } from './loaded-issuers.ts';
import type { CertificateRecord, Transaction } from './ports.ts';

/**
 * An issuer's key signs certificates and CRLs and nothing else. Its public half is known to everyone,
 * and the CSR of an external subordinate proves possession for whoever holds a copy of it.
 *
 * @throws ChanceryError badPublicKey
 */
export async function refuseIssuerKey(
  issuers: LoadedIssuers,
  subjectPublicKeyInfo: SubjectPublicKeyInfo,
): Promise<void> {
  const keyId = keyIdentifierHex(subjectPublicKeyInfo);
  const issuer = (await issuers.all()).find(({ record }) => record.issuerId === keyId);
  if (issuer !== undefined) {
    throw new ChanceryError('badPublicKey', {
      message: `this is the key of issuer ${issuer.record.name}; make a key of your own`,
      field: 'subjectPublicKey',
      clause: 'SP 800-57 Part 1 §5.2',
    });
  }
}

/** Keys blocked for compromise, and keys certified for another subject (a key has one owner, SP 800-57 §8.1.6). */
export async function refuseForeignKey(
  transaction: Transaction,
  { tenant, spkiHash: hash, subject, names: granted }: CertificateRecord,
): Promise<void> {
  // Sent together, ahead of the certificate's own row.
  const [blocked, others] = await Promise.all([
    transaction.inventory.isKeyBlocked(tenant, hash),
    transaction.inventory.findKeyUses(tenant, hash, 20),
  ]);
  if (blocked) {
    throw new ChanceryError('badPublicKey', {
      message: 'this key was reported compromised and is blocked for good; make a new key',
      field: 'subjectPublicKey',
      clause: 'SP 800-57 Part 1 §7.5',
    });
  }
  if (others.length === 0) {
    return;
  }
  const names = new Set(granted.map((name) => name.toLowerCase()));
  const stranger = others.find(
    (other) =>
      other.type !== 'endEntity' ||
      // Purged: whose it was is not known any more.
      ((other.subject !== '' || other.names.length > 0) &&
        (subject === '' || other.subject !== subject) &&
        !other.names.some((name) => names.has(name.toLowerCase()))),
  );
  if (stranger !== undefined) {
    throw new ChanceryError('badPublicKey', {
      message: `this key is already certified for another subject (serial number ${stranger.serialNumber}); make a new key for each subject`,
      field: 'subjectPublicKey',
      clause: 'SP 800-57 Part 1 §8.1.6',
    });
  }
}

/**
 * A CA's key may be certified again, by several issuers (cross-certificates), as a CA's of the same name
 * only. Keys blocked for compromise never are.
 *
 * @throws ChanceryError badPublicKey
 */
export async function refuseForeignCaKey(
  transaction: Transaction,
  { tenant, spkiHash: hash, subject }: CertificateRecord,
): Promise<void> {
  const [blocked, others] = await Promise.all([
    transaction.inventory.isKeyBlocked(tenant, hash),
    transaction.inventory.findKeyUses(tenant, hash, 20),
  ]);
  const stranger = others.find(
    (other) => other.type !== 'ca' || (other.subject !== '' && other.subject !== subject),
  );
  if (blocked || stranger !== undefined) {
    throw new ChanceryError('badPublicKey', {
      message: blocked
        ? 'this key was reported compromised and is blocked for good; make a new key'
        : `this key is already certified for something else (serial number ${stranger?.serialNumber ?? ''}); a CA has a key of its own`,
      field: 'subjectPublicKey',
      clause: 'SP 800-57 Part 1 §5.2',
    });
  }
}
