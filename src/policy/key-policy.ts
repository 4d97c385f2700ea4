import { createHash } from 'node:crypto';
import type { Violation } from '../domain/index.ts';
import type { SubjectPublicKeyInfo } from '../pkix/index.ts';
import { checkEd25519Point, checkEllipticPoint } from './elliptic.ts';
import { rsaFaults } from './rsa.ts';
import { violation } from './violation.ts';

/** Which public keys are certified at all, whatever the profile. */
export interface KeyPolicy {
  /** Allowed sizes of RSA moduli, in bits. */
  readonly rsaModulusBits: readonly number[];
  readonly curves: readonly string[];
  readonly ed25519: boolean;
  /** Rounds of Fermat's factorisation: primes this close are found (CVE-2022-26320). */
  readonly fermatRounds: number;
  /** Known-compromised keys that an installation keeps. */
  readonly blocklist: KeyBlocklist;
}

/** Known-weak keys by hash. `openssl-blacklist` holds what Debian published of CVE-2008-0166. */
export interface KeyBlocklist {
  /** Lower-case hex SHA-256 of the SubjectPublicKeyInfo. */
  readonly spkiSha256: ReadonlySet<string>;
  /** Last 20 hex digits of the SHA-1 of `Modulus=HEX` and a line feed: the format of openssl-blacklist. */
  readonly modulusSha1Tail: ReadonlySet<string>;
}

export const emptyBlocklist: KeyBlocklist = { spkiSha256: new Set(), modulusSha1Tail: new Set() };

/**
 * The policy of a fresh installation. It holds no list of Debian's weak keys (CVE-2008-0166): the
 * lists have hundreds of megabytes and are no longer distributed with Debian; an installation
 * that must refuse them adds them as blocklist files.
 */
export const defaultKeyPolicy: KeyPolicy = {
  rsaModulusBits: [2048, 3072, 4096],
  curves: ['P-256', 'P-384', 'P-521'],
  ed25519: true,
  fermatRounds: 110,
  blocklist: emptyBlocklist,
};

const field = 'subjectPublicKey';
const mend = 'make a new key pair with a current tool';

/**
 * Every reason why a public key is not certified; empty for a good one. Bounded work: sizes are
 * checked before anything is computed. Not enforced here, for they need the inventory: keys
 * revoked for compromise, keys of another subject. A private exponent that is too small can't
 * be seen from the public key; with the exponent fixed to 65537 it can't occur either.
 */
export function checkKey(
  spki: SubjectPublicKeyInfo,
  policy: KeyPolicy = defaultKeyPolicy,
): readonly Violation[] {
  const refuse = (rule: string, message: string, clause: string, value?: string): Violation =>
    violation(`key.${rule}`, field, message, clause, { mend, value });
  const { key } = spki;
  const blocked = isBlocked(spki, policy.blocklist)
    ? [
        refuse(
          'blocklist',
          'the key is on the list of known-compromised keys',
          'NIST SP 800-57 Part 1 §5.2',
        ),
      ]
    : [];
  switch (key.type) {
    case 'rsa':
      if (!policy.rsaModulusBits.includes(key.modulusBits)) {
        return [
          ...blocked,
          refuse(
            'rsa.size',
            `RSA moduli have ${policy.rsaModulusBits.join(', ')} bits`,
            'NIST SP 800-57 Part 1 §5.6.1',
            `${key.modulusBits} bits`,
          ),
        ];
      }
      return [
        ...blocked,
        ...rsaFaults(key.modulus, key.exponent, policy.fermatRounds).map((fault) =>
          refuse(`rsa.${fault.rule}`, fault.message, fault.clause),
        ),
      ];
    case 'ec':
      if (!policy.curves.includes(key.curve)) {
        return [
          ...blocked,
          refuse(
            'ec.curve',
            `curves are ${policy.curves.join(', ')}`,
            'RFC 5480 §2.1.1.1',
            key.curveOid,
          ),
        ];
      }
      return [
        ...blocked,
        ...checkEllipticPoint(key.curve, spki.subjectPublicKey).map((message) =>
          refuse('ec.point', message, 'NIST SP 800-56A §5.6.2.3'),
        ),
      ];
    case 'ed25519':
      if (!policy.ed25519)
        return [...blocked, refuse('ed25519', 'Ed25519 keys are not taken', 'RFC 8410 §3')];
      return [
        ...blocked,
        ...checkEd25519Point(spki.subjectPublicKey).map((message) =>
          refuse('ed25519.point', message, 'RFC 8032 §5.1.3'),
        ),
      ];
    case 'unknown':
      return [
        ...blocked,
        refuse(
          'algorithm',
          'keys are RSA, elliptic-curve or Ed25519',
          'RFC 5280 §4.1.2.7',
          spki.algorithm.oid,
        ),
      ];
    default:
      return key satisfies never;
  }
}

function isBlocked(spki: SubjectPublicKeyInfo, blocklist: KeyBlocklist): boolean {
  if (blocklist.spkiSha256.size > 0) {
    if (blocklist.spkiSha256.has(createHash('sha256').update(spki.der).digest('hex'))) return true;
  }
  if (blocklist.modulusSha1Tail.size === 0 || spki.key.type !== 'rsa') return false;
  const digits = spki.key.modulus.toString(16).toUpperCase();
  const text = `Modulus=${digits.length % 2 === 0 ? digits : `0${digits}`}\n`;
  return blocklist.modulusSha1Tail.has(createHash('sha1').update(text).digest('hex').slice(20));
}
