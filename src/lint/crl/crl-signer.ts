import type { CrlLint } from '../crl-subject.ts';
import { keyUsageBit, keyUsageOf } from '../encoding/extension.ts';

/** The issuer's keyUsage, when it has one, allows cRLSign (RFC 5280 §4.2.1.3, §5). */
export const crlSigner: CrlLint = {
  name: 'crl-signer',
  citation: 'RFC 5280 §4.2.1.3, §5',
  description: "The issuer's keyUsage, when it has one, allows cRLSign",
  applies: () => true,
  check: (crl) => {
    const usage = keyUsageOf(crl.context.issuer);
    return usage === undefined || usage.has(keyUsageBit.cRLSign)
      ? undefined
      : "the issuer's keyUsage lacks cRLSign";
  },
};
