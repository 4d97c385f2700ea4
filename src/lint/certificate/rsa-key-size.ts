import type { CertificateLint } from '../certificate-subject.ts';
import { Element } from '../encoding/element.ts';
import { oid } from '../encoding/oids.ts';

/** Bits of a positive INTEGER's content. */
function bitLength(content: Uint8Array): number {
  const start = content.findIndex((octet) => octet !== 0);
  return start < 0 ? 0 : (content.length - start) * 8 - (Math.clz32(content[start] ?? 0) - 24);
}

/** An RSA modulus has 2048 bits to 4096, a multiple of 8; the exponent is odd and at least 65537 (SP 800-57 Pt 1 §5.6.1; CA/B BR §6.1.5, §6.1.6). */
export const rsaKeySize: CertificateLint = {
  name: 'rsa-key-size',
  citation: 'SP 800-57 Pt 1 §5.6.1; CA/B BR §6.1.5, §6.1.6',
  description:
    'An RSA modulus has 2048 bits to 4096, a multiple of 8; the exponent is odd and at least 65537',
  applies: (certificate) =>
    certificate.fields.subjectPublicKeyInfo.child(0)?.child(0)?.oid === oid.rsaEncryption,
  check: (certificate) => {
    const bits = certificate.fields.subjectPublicKeyInfo.child(1);
    const key =
      bits === undefined ? undefined : Element.parse(bits.source, bits.contentStart + 1, bits.end);
    // A key of another shape is the finding of public-key-encoding.
    const [modulus, exponent] = key?.tag === 0x30 ? key.children : [];
    if (modulus === undefined || exponent === undefined) return undefined;
    const size = bitLength(modulus.content);
    if (size < 2048 || size > 4096 || size % 8 !== 0) return `an RSA modulus of ${size} bits`;
    if ((modulus.content[0] ?? 0) >= 0x80) return 'a negative RSA modulus';
    if (((modulus.content[modulus.length - 1] ?? 0) & 1) === 0) return 'an even RSA modulus';
    const e = exponent.content;
    const odd = ((e[e.length - 1] ?? 0) & 1) === 1;
    return odd && (e[0] ?? 0) < 0x80 && bitLength(e) >= 17
      ? undefined
      : 'the RSA exponent is even or below 65537';
  },
};
