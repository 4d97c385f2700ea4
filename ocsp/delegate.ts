import type { OcspDelegate } from '../src/issuance/index.ts';
import type { KeyBinding } from '../src/keys/ports.ts';
import {
  type Certificate,
  findExtension,
  importVerificationKey,
  namesEqual,
  oids,
  parseBasicConstraints,
  parseExtendedKeyUsage,
  parseKeyUsage,
  resolveSignatureAlgorithm,
  signatureAlgorithms,
  verifySignature,
} from '../src/pkix/index.ts';

/**
 * What is wrong with a certificate as the delegate of an issuer; empty when nothing is. Its
 * validity is not judged here, because that changes with time.
 *
 * RFC 6960 §4.2.2.2: issued directly by the CA named in the request, id-kp-OCSPSigning;
 * §4.2.2.2.1: id-pkix-ocsp-nocheck. Stricter than the RFC: no other key purpose, no CA (an issuer
 * with OCSPSigning could answer for its siblings).
 */
export function delegateFaults(
  certificate: Certificate,
  issuer: Certificate,
  key: KeyBinding,
): readonly string[] {
  const faults: string[] = [];
  const { extensions } = certificate;
  if (!namesEqual(certificate.issuer, issuer.subject)) {
    faults.push('its issuer is another');
  }
  const algorithm = resolveSignatureAlgorithm(certificate.signatureAlgorithm);
  if (
    algorithm === undefined ||
    !verifySignature(
      algorithm,
      importVerificationKey(issuer.subjectPublicKeyInfo),
      certificate.tbsDer,
      certificate.signature,
    )
  ) {
    faults.push("the issuer's key did not sign it");
  }
  const usage = findExtension(extensions, oids.extendedKeyUsage);
  const purposes = usage === undefined ? [] : parseExtendedKeyUsage(usage.value);
  if (purposes.length !== 1 || purposes[0] !== oids.ocspSigning) {
    faults.push('its extended key usage is not OCSPSigning alone');
  }
  if (findExtension(extensions, oids.ocspNoCheck) === undefined) {
    faults.push('id-pkix-ocsp-nocheck is missing');
  }
  const keyUsage = findExtension(extensions, oids.keyUsage);
  if (keyUsage !== undefined && !parseKeyUsage(keyUsage.value).includes('digitalSignature')) {
    faults.push('its key usage lacks digitalSignature');
  }
  const constraints = findExtension(extensions, oids.basicConstraints);
  if (constraints !== undefined && parseBasicConstraints(constraints.value).cA) {
    faults.push('it is a CA certificate');
  }
  if (!isOf(certificate, key)) {
    faults.push("its key is not the responder's");
  }
  return faults;
}

/** Whether the certificate is for that key. */
export function isOf(
  { subjectPublicKeyInfo }: Certificate,
  key: Pick<KeyBinding, 'subjectPublicKeyInfo'>,
): boolean {
  return Buffer.compare(subjectPublicKeyInfo.der, key.subjectPublicKeyInfo) === 0;
}

/** A certificate and the token key behind it, ready to sign with. */
export function delegateOf(certificate: Certificate, key: KeyBinding): OcspDelegate {
  return { certificate, keyId: key.keyId, signatureAlgorithm: signatureAlgorithms[key.algorithm] };
}

/**
 * The delegate to sign with: of those valid at that moment, the one that lasts longest. Two
 * overlap around a renewal; answers signed with the older stay valid until its notAfter.
 */
export function currentDelegate(
  delegates: readonly OcspDelegate[],
  at: Date,
): OcspDelegate | undefined {
  let best: OcspDelegate | undefined;
  for (const delegate of delegates) {
    const { notBefore, notAfter } = delegate.certificate.validity;
    if (notBefore <= at && at < notAfter) {
      if (best === undefined || notAfter > best.certificate.validity.notAfter) {
        best = delegate;
      }
    }
  }
  return best;
}

/** When the next certificate is asked for: at half of the life. */
export function renewalTime({ validity }: Certificate): Date {
  const { notBefore, notAfter } = validity;
  return new Date((notBefore.getTime() + notAfter.getTime()) / 2);
}
