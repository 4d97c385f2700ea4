import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';
import { namedCurves } from '../encoding/signature-algorithm.ts';

/** The key's algorithm is RSA with NULL, a named curve (P-256, P-384, P-521) or Ed25519 without parameters (RFC 3279 §2.3.1; RFC 5480 §2.1; RFC 8410 §3, §4). */
export const publicKeyAlgorithm: CertificateLint = {
  name: 'public-key-algorithm',
  citation: 'RFC 3279 §2.3.1; RFC 5480 §2.1; RFC 8410 §3, §4',
  description:
    "The key's algorithm is RSA with NULL, a named curve (P-256, P-384, P-521) or Ed25519 without parameters",
  applies: () => true,
  check: (certificate) => {
    const algorithm = certificate.fields.subjectPublicKeyInfo.child(0);
    const [type, parameters, more] = algorithm?.children ?? [];
    if (more !== undefined) return 'an AlgorithmIdentifier with more than parameters';
    switch (type?.oid) {
      case oid.rsaEncryption:
        return parameters?.tag === 0x05 ? undefined : 'rsaEncryption without NULL parameters';
      case oid.idEcPublicKey:
        return parameters?.tag === 0x06 && namedCurves.has(parameters.oid)
          ? undefined
          : 'id-ecPublicKey without one of the named curves P-256, P-384, P-521';
      case oid.ed25519:
        return parameters === undefined ? undefined : 'Ed25519 with parameters';
      default:
        return `key algorithm ${type?.oid ?? ''} is not issued for`;
    }
  },
};
