import type { CrlLint } from '../crl-subject.ts';
import { signatureAlgorithmDefect, signatureKeyType } from '../encoding/signature-algorithm.ts';

/** The signature algorithm is one of the registry's, its parameters exact, and the issuer's key can make it (RFC 5280 §5.1.2.2; RFC 4055 §3.1, §5; RFC 5758 §3.2; RFC 8410 §3). */
export const crlSignatureAlgorithm: CrlLint = {
  name: 'crl-signature-algorithm',
  citation: 'RFC 5280 §5.1.2.2; RFC 4055 §3.1, §5; RFC 5758 §3.2; RFC 8410 §3',
  description:
    "The signature algorithm is one of the registry's, its parameters exact, and the issuer's key can make it",
  applies: () => true,
  check: (crl) => {
    const { signature } = crl.fields;
    const defect = signatureAlgorithmDefect(signature);
    if (defect !== undefined) return defect;
    const key = crl.context.issuer.subjectPublicKeyInfo.key.type;
    const wanted = signatureKeyType(signature);
    return wanted === key
      ? undefined
      : `a signature of type ${wanted ?? 'unknown'} by a key of type ${key}`;
  },
};
