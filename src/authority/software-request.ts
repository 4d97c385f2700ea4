import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import {
  assembleSigned,
  defaultSignatureAlgorithm,
  emptyName,
  encodeCertificationRequestInfo,
  encodeSubjectAltName,
  type GeneralName,
  keyAlgorithmOf,
  parseDistinguishedName,
  parseIpAddress,
  parseSubjectPublicKeyInfo,
} from '../pkix/index.ts';

/** What a software key's CSR asks for. */
export interface SoftwareRequest {
  /** RFC 4514 text; left out: the empty name. */
  readonly subject?: string | undefined;
  readonly dns?: readonly string[] | undefined;
  readonly ip?: readonly string[] | undefined;
}

/**
 * DER PKCS#10 signed with a key that lives in this process: the HTTPS server's own key, or a
 * client key made where it is used (invariant 6 names these exceptions). Never an issuer's key.
 */
export function softwareCertificationRequest(
  privateKey: KeyObject,
  request: SoftwareRequest,
): Uint8Array {
  const spki = parseSubjectPublicKeyInfo(
    new Uint8Array(createPublicKey(privateKey).export({ format: 'der', type: 'spki' })),
  );
  const names: readonly GeneralName[] = [
    ...(request.dns ?? []).map((value): GeneralName => ({ type: 'dNSName', value })),
    ...(request.ip ?? []).map(
      (value): GeneralName => ({ type: 'iPAddress', bytes: parseIpAddress(value) }),
    ),
  ];
  const keyAlgorithm = keyAlgorithmOf(spki);
  if (keyAlgorithm === undefined) throw new Error('a software key of an unknown algorithm');
  const algorithm = defaultSignatureAlgorithm(keyAlgorithm, 'pkcs1');
  const info = encodeCertificationRequestInfo({
    subject: request.subject === undefined ? emptyName : parseDistinguishedName(request.subject),
    subjectPublicKeyInfo: spki,
    extensions:
      names.length === 0 ? [] : [encodeSubjectAltName(names, request.subject === undefined)],
  });
  const signature = sign(algorithm.digest ?? null, info, privateKey);
  return assembleSigned(info, algorithm, new Uint8Array(signature));
}
