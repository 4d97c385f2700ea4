import type { Element } from './element.ts';
import { equalBytes } from './element.ts';
import { oid } from './oids.ts';

/** What stands after the OID in an AlgorithmIdentifier: NULL, nothing, or RSASSA-PSS-params. */
type Parameters = 'null' | 'absent' | 'pss';

const algorithms: ReadonlyMap<
  string,
  { readonly key: 'ec' | 'rsa' | 'ed25519'; readonly parameters: Parameters }
> = new Map([
  ['1.2.840.10045.4.3.2', { key: 'ec', parameters: 'absent' }],
  ['1.2.840.10045.4.3.3', { key: 'ec', parameters: 'absent' }],
  ['1.2.840.10045.4.3.4', { key: 'ec', parameters: 'absent' }],
  ['1.2.840.113549.1.1.11', { key: 'rsa', parameters: 'null' }],
  ['1.2.840.113549.1.1.12', { key: 'rsa', parameters: 'null' }],
  ['1.2.840.113549.1.1.13', { key: 'rsa', parameters: 'null' }],
  [oid.rsassaPss, { key: 'rsa', parameters: 'pss' }],
  [oid.ed25519, { key: 'ed25519', parameters: 'absent' }],
]);

/** Digest lengths in octets of the hashes that PSS may name. */
const digests: ReadonlyMap<string, number> = new Map([
  [oid.sha256, 32],
  [oid.sha384, 48],
  [oid.sha512, 64],
]);

/** Named curves with the octets of a coordinate. */
export const namedCurves: ReadonlyMap<string, number> = new Map([
  ['1.2.840.10045.3.1.7', 32],
  ['1.3.132.0.34', 48],
  ['1.3.132.0.35', 66],
]);

/** Hash AlgorithmIdentifier: OID and NULL or nothing (RFC 4055 §2.1 accepts both). */
function hashOf(identifier: Element | undefined): string | undefined {
  const [type, parameters, more] = identifier?.children ?? [];
  if (type?.tag !== 0x06 || more !== undefined) return undefined;
  return parameters === undefined || parameters.tag === 0x05 ? type.oid : undefined;
}

/**
 * RSASSA-PSS-params, all explicit: hash, MGF1 with the same hash, salt as long as the hash, the
 * trailer left to its default (RFC 4055 §3.1).
 */
function pssDefect(parameters: Element | undefined): string | undefined {
  if (parameters?.tag !== 0x30) return 'RSASSA-PSS without explicit parameters';
  if (parameters.children.some((part) => ![0xa0, 0xa1, 0xa2].includes(part.tag))) {
    return 'RSASSA-PSS with a trailerField or an unknown parameter';
  }
  const hash = parameters.tagged(0xa0)?.child(0);
  const mask = parameters.tagged(0xa1)?.child(0);
  const salt = parameters.tagged(0xa2)?.child(0);
  const length = digests.get(hashOf(hash) ?? '');
  if (hash === undefined || length === undefined)
    return 'RSASSA-PSS without SHA-256, SHA-384 or SHA-512';
  const [generator, maskHash] = mask?.children ?? [];
  if (generator?.tag !== 0x06 || generator.oid !== oid.mgf1 || maskHash === undefined) {
    return 'RSASSA-PSS without MGF1';
  }
  if (!equalBytes(maskHash.bytes, hash.bytes)) return 'RSASSA-PSS whose MGF1 has another hash';
  return salt?.tag === 0x02 && salt.length === 1 && salt.content[0] === length
    ? undefined
    : `RSASSA-PSS whose salt is not ${length} octets`;
}

/**
 * What is wrong with a signature AlgorithmIdentifier: not in the registry (SHA-1 and MD5 are
 * not), or parameters that its RFC does not allow (RFC 4055 §5, RFC 5758 §3.2, RFC 8410 §3).
 */
export function signatureAlgorithmDefect(identifier: Element): string | undefined {
  const [type, parameters, more] = identifier.children;
  const algorithm = algorithms.get(type?.oid ?? '');
  if (algorithm === undefined) return `signature algorithm ${type?.oid ?? ''} is not signed with`;
  if (more !== undefined) return 'an AlgorithmIdentifier with more than parameters';
  switch (algorithm.parameters) {
    case 'null':
      return parameters?.tag === 0x05
        ? undefined
        : 'an RSA signature algorithm without NULL parameters';
    case 'absent':
      return parameters === undefined ? undefined : 'parameters where none belong (ECDSA, EdDSA)';
    case 'pss':
      return pssDefect(parameters);
    default:
      return algorithm.parameters satisfies never;
  }
}

/** Type of key that makes such signatures; undefined outside the registry. */
export function signatureKeyType(identifier: Element): 'ec' | 'rsa' | 'ed25519' | undefined {
  return algorithms.get(identifier.child(0)?.oid ?? '')?.key;
}

/** Type of key in a SubjectPublicKeyInfo. */
export function subjectKeyType(
  subjectPublicKeyInfo: Element,
): 'ec' | 'rsa' | 'ed25519' | undefined {
  switch (subjectPublicKeyInfo.child(0)?.child(0)?.oid) {
    case oid.idEcPublicKey:
      return 'ec';
    case oid.rsaEncryption:
      return 'rsa';
    case oid.ed25519:
      return 'ed25519';
    default:
      return undefined;
  }
}
