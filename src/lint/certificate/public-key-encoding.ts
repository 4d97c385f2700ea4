import type { CertificateLint } from '../certificate-subject.ts';
import { canonicalDefect } from '../encoding/canonical.ts';
import { Element } from '../encoding/element.ts';
import { oid } from '../encoding/oids.ts';
import { namedCurves } from '../encoding/signature-algorithm.ts';

/** The key has the form and the size of its algorithm; a point of a curve is uncompressed (RFC 8017 §A.1.1; RFC 5480 §2.2; RFC 8410 §4). */
export const publicKeyEncoding: CertificateLint = {
  name: 'public-key-encoding',
  citation: 'RFC 8017 §A.1.1; RFC 5480 §2.2; RFC 8410 §4',
  description:
    'The key has the form and the size of its algorithm; a point of a curve is uncompressed',
  applies: () => true,
  check: (certificate) => {
    const [algorithm, bits] = certificate.fields.subjectPublicKeyInfo.children;
    if (algorithm === undefined || bits === undefined || bits.content[0] !== 0) {
      return 'the key is no BIT STRING of whole octets';
    }
    const key = bits.content.subarray(1);
    switch (algorithm.child(0)?.oid) {
      case oid.rsaEncryption: {
        const sequence = Element.parse(bits.source, bits.contentStart + 1, bits.end);
        const [modulus, exponent, more] = sequence.tag === 0x30 ? sequence.children : [];
        if (modulus?.tag !== 0x02 || exponent?.tag !== 0x02 || more !== undefined) {
          return 'an RSA key is no SEQUENCE of modulus and publicExponent';
        }
        return canonicalDefect(sequence);
      }
      case oid.idEcPublicKey: {
        const curve = algorithm.child(1);
        const octets = curve?.tag === 0x06 ? namedCurves.get(curve.oid) : undefined;
        if (octets === undefined) return undefined;
        return key[0] === 0x04 && key.length === 1 + 2 * octets
          ? undefined
          : 'an EC key is no uncompressed point of its curve';
      }
      case oid.ed25519:
        return key.length === 32 ? undefined : `an Ed25519 key of ${key.length} octets`;
      default:
        return undefined;
    }
  },
};
