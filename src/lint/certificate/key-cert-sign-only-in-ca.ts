import type { CertificateLint } from '../certificate-subject.ts';
import { keyUsageBit } from '../encoding/extension.ts';
import { oid } from '../encoding/oids.ts';

/** keyCertSign is asserted exactly where cA is TRUE; cRLSign nowhere else either (RFC 5280 §4.2.1.3, §4.2.1.9). */
export const keyCertSignOnlyInCa: CertificateLint = {
  name: 'key-cert-sign-only-in-ca',
  citation: 'RFC 5280 §4.2.1.3, §4.2.1.9',
  description: 'keyCertSign is asserted exactly where cA is TRUE; cRLSign nowhere else either',
  applies: (certificate) => certificate.keyUsage.size > 0,
  check: (certificate) => {
    const { keyUsage } = certificate;
    const { cA } = certificate.basicConstraints;
    if (cA && !keyUsage.has(keyUsageBit.keyCertSign))
      return 'cA TRUE, but keyUsage lacks keyCertSign';
    if (cA || !certificate.has(oid.keyUsage)) return undefined;
    if (keyUsage.has(keyUsageBit.keyCertSign)) return 'keyCertSign, but cA is not TRUE';
    // Indirect CRLs, the one use of cRLSign outside a CA, are not issued here.
    return keyUsage.has(keyUsageBit.cRLSign) ? 'cRLSign, but cA is not TRUE' : undefined;
  },
};
