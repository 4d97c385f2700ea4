import type { CertificateLint } from '../certificate-subject.ts';
import { keyUsageBit } from '../encoding/extension.ts';
import { oid } from '../encoding/oids.ts';

/** Bits that a key of the algorithm can't serve. Ed25519 signs, and does nothing else. */
const impossible: ReadonlyMap<string, readonly (keyof typeof keyUsageBit)[]> = new Map([
  [oid.rsaEncryption, ['keyAgreement', 'encipherOnly', 'decipherOnly']],
  [oid.idEcPublicKey, ['keyEncipherment', 'dataEncipherment']],
  [
    oid.ed25519,
    ['keyEncipherment', 'dataEncipherment', 'keyAgreement', 'encipherOnly', 'decipherOnly'],
  ],
]);

/** keyUsage asserts only what the algorithm of the key can do (RFC 5480 §3; RFC 8410 §5; RFC 3279 §2.3.1). */
export const keyUsageConsistentWithKey: CertificateLint = {
  name: 'key-usage-consistent-with-key',
  citation: 'RFC 5480 §3; RFC 8410 §5; RFC 3279 §2.3.1',
  description: 'keyUsage asserts only what the algorithm of the key can do',
  applies: (certificate) => certificate.has(oid.keyUsage),
  check: (certificate) => {
    const { keyUsage } = certificate;
    const algorithm = certificate.fields.subjectPublicKeyInfo.child(0)?.child(0)?.oid ?? '';
    const bad = impossible.get(algorithm)?.find((bit) => keyUsage.has(keyUsageBit[bit]));
    if (bad !== undefined) return `${bad} in a certificate for a key of algorithm ${algorithm}`;
    const only = keyUsage.has(keyUsageBit.encipherOnly) || keyUsage.has(keyUsageBit.decipherOnly);
    return only && !keyUsage.has(keyUsageBit.keyAgreement)
      ? 'encipherOnly or decipherOnly without keyAgreement'
      : undefined;
  },
};
