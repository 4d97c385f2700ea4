import type { CertificateLint } from '../certificate-subject.ts';
import {
  extensionOf,
  keyUsageBit,
  keyUsageOf,
  readBasicConstraints,
} from '../encoding/extension.ts';
import { oid } from '../encoding/oids.ts';

/** The issuer is a CA whose keyUsage, when it has one, allows keyCertSign (RFC 5280 §4.2.1.3, §4.2.1.9). */
export const issuerMaySignCertificates: CertificateLint = {
  name: 'issuer-may-sign-certificates',
  citation: 'RFC 5280 §4.2.1.3, §4.2.1.9',
  description: 'The issuer is a CA whose keyUsage, when it has one, allows keyCertSign',
  applies: (certificate) => certificate.issuer !== undefined,
  check: (certificate) => {
    const { issuer } = certificate;
    if (issuer === undefined) return undefined;
    const constraints = extensionOf(issuer, oid.basicConstraints);
    if (constraints === undefined || !readBasicConstraints(constraints).cA) {
      return 'the issuer is no CA: its basicConstraints do not say cA TRUE';
    }
    const usage = keyUsageOf(issuer);
    return usage === undefined || usage.has(keyUsageBit.keyCertSign)
      ? undefined
      : "the issuer's keyUsage lacks keyCertSign";
  },
};
