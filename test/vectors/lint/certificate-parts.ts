import type { CertificateLintContext } from '../../../src/lint/index.ts';
import type { Certificate } from '../../../src/pkix/index.ts';
import { parseCertificate } from '../../../src/pkix/index.ts';
import type { Bytes } from './der.ts';
import {
  bits,
  bool,
  commonName,
  extension,
  hex,
  int,
  nul,
  octets,
  oid,
  seq,
  tlv,
  utcTime,
} from './der.ts';

/** A sound object, or one with a defect that a lint must find. */
export interface Vector<Context> {
  /** The defect; `sound-…` for vectors without one. */
  readonly name: string;
  /** The lint that must fail; undefined for a sound vector. */
  readonly lint?: string;
  /** Lints that can't but fail with it. */
  readonly also?: readonly string[];
  readonly der: Bytes;
  readonly context: Context;
}
export type CertificateVector = Vector<CertificateLintContext>;

export const id = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  authorityKeyIdentifier: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  noRevAvail: '2.5.29.56',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  noCheck: '1.3.6.1.5.5.7.48.1.5',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
  anyExtendedKeyUsage: '2.5.29.37.0',
} as const;

export const urls = {
  crl: 'http://localhost:8080/crl/aa/0.crl',
  ocsp: 'http://localhost:8081/',
  caIssuers: 'http://localhost:8080/ca/aa.cer',
} as const;

export const serial = '10 11 a1a2a3a4a5a6a7a8a9aaabacadaeafa0';
export const issuerKeyId = hex('aa00112233445566778899aabbccddeeff001122');
export const subjectKeyId = hex('bb00112233445566778899aabbccddeeff001122');

export const ecdsaWithSha256 = seq(oid('1.2.840.10045.4.3.2'));
export const sha256WithRsa = seq(oid('1.2.840.113549.1.1.11'), nul);
export const ed25519 = seq(oid('1.3.101.112'));
const sha256 = seq(oid('2.16.840.1.101.3.4.2.1'), nul);
/** RSASSA-PSS with SHA-256, MGF1 with `maskHash`, salt of `salt` octets, and `more` parameters. */
export const pss = (maskHash = sha256, salt = '20', ...more: readonly Bytes[]): Bytes =>
  seq(
    oid('1.2.840.113549.1.1.10'),
    seq(
      tlv(0xa0, sha256),
      tlv(0xa1, seq(oid('1.2.840.113549.1.1.8'), maskHash)),
      tlv(0xa2, int(salt)),
      ...more,
    ),
  );

/** The generator of P-256: as good a point as any. */
export const point = hex(
  '04 6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296 4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5',
);
export const p256 = (curve = oid('1.2.840.10045.3.1.7'), key = bits(point)): Bytes =>
  seq(seq(oid('1.2.840.10045.2.1'), curve), key);
export const modulus2048 = `00${'c5'.repeat(256)}`;
export const rsa = (modulus = modulus2048, exponent = '010001', parameters: Bytes = nul): Bytes =>
  seq(seq(oid('1.2.840.113549.1.1.1'), parameters), bits(seq(int(modulus), int(exponent))));
export const ed25519Key = seq(
  ed25519,
  bits(hex('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c')),
);

/** KeyUsage from content octets and unused bits, e.g. `80`, 7 for digitalSignature. */
export const keyUsage = (
  content: string,
  unused: number,
  critical: boolean | undefined = true,
): Bytes => extension(id.keyUsage, bits(hex(content), unused), critical);
export const basicConstraints = (
  content: readonly Bytes[],
  critical: boolean | undefined = true,
): Bytes => extension(id.basicConstraints, seq(...content), critical);
export const alternativeNames = (names: readonly Bytes[], critical?: boolean): Bytes =>
  extension(id.subjectAltName, seq(...names), critical);
export const purposes = (...list: readonly string[]): Bytes =>
  extension(id.extKeyUsage, seq(...list.map((purpose) => oid(purpose))));
export const dns = (text: string): Bytes => tlv(0x82, Buffer.from(text, 'latin1'));
export const uri = (text: string): Bytes => tlv(0x86, Buffer.from(text, 'latin1'));
export const distributionPoint = (...names: readonly Bytes[]): Bytes =>
  seq(tlv(0xa0, tlv(0xa0, ...names)));
export const distributionPoints = (...points: readonly Bytes[]): Bytes =>
  extension(id.crlDistributionPoints, seq(...points));
export const accessDescription = (method: '1' | '2' | '3', location: Bytes): Bytes =>
  seq(oid(`1.3.6.1.5.5.7.48.${method}`), location);
export const informationAccess = (...descriptions: readonly Bytes[]): Bytes =>
  extension(id.authorityInfoAccess, seq(...descriptions));
export const authorityKey = (...parts: readonly Bytes[]): Bytes =>
  extension(id.authorityKeyIdentifier, seq(...parts));
export const policies = (...list: readonly Bytes[]): Bytes =>
  extension(id.certificatePolicies, seq(...list));
export const cps = (location: Bytes): Bytes => seq(seq(oid('1.3.6.1.5.5.7.2.1'), location));
export const noRevAvail = extension(id.noRevAvail, nul);
export const noCheck = extension(id.noCheck, nul);

/** Extensions by name; `null` leaves one out. */
export type Extensions = Readonly<Record<string, Bytes | null>>;

/** Fields of a TBSCertificate; `null` leaves one out. */
export interface Parts {
  readonly version?: Bytes | null;
  readonly serialNumber?: Bytes;
  readonly signature?: Bytes;
  readonly issuer?: Bytes;
  readonly validity?: Bytes;
  readonly subject?: Bytes;
  readonly key?: Bytes;
  readonly uniqueIdentifiers?: readonly Bytes[];
  readonly extensions?: Extensions;
  /** Instead of the extensions by name. */
  readonly extensionList?: Bytes | null;
}

export const v3 = tlv(0xa0, int('02'));
export const validity = (notBefore: Bytes, notAfter: Bytes): Bytes => seq(notBefore, notAfter);
export const issuerName = commonName('Issuing CA');

const common: Extensions = {
  subjectKey: extension(id.subjectKeyIdentifier, octets(subjectKeyId)),
  authorityKey: authorityKey(tlv(0x80, issuerKeyId)),
};
const pointers: Extensions = {
  distributionPoints: distributionPoints(distributionPoint(uri(urls.crl))),
  informationAccess: informationAccess(
    accessDescription('1', uri(urls.ocsp)),
    accessDescription('2', uri(urls.caIssuers)),
  ),
};

function tbs(parts: Parts, defaults: Extensions, subject: Bytes): Bytes {
  const extensions = Object.values({ ...defaults, ...parts.extensions }).filter(
    (value) => value !== null,
  );
  const list = parts.extensionList === undefined ? seq(...extensions) : parts.extensionList;
  return seq(
    ...(parts.version === null ? [] : [parts.version ?? v3]),
    parts.serialNumber ?? int(serial),
    parts.signature ?? ecdsaWithSha256,
    parts.issuer ?? issuerName,
    parts.validity ?? validity(utcTime('261121000000Z'), utcTime('270218235959Z')),
    parts.subject ?? subject,
    parts.key ?? p256(),
    ...(parts.uniqueIdentifiers ?? []),
    ...(list === null ? [] : [tlv(0xa3, list)]),
  );
}

/** A TLS server's certificate. */
export const endEntity = (parts: Parts = {}): Bytes =>
  tbs(
    parts,
    {
      keyUsage: keyUsage('80', 7),
      purposes: purposes(id.serverAuth),
      names: alternativeNames([dns('host.example')]),
      ...common,
      ...pointers,
    },
    commonName('host.example'),
  );

/** An issuing CA's certificate. */
export const ca = (parts: Parts = {}): Bytes =>
  tbs(
    parts,
    {
      basicConstraints: basicConstraints([bool(0xff), int('00')]),
      keyUsage: keyUsage('06', 1),
      ...common,
      ...pointers,
    },
    commonName('Subordinate CA'),
  );

/** A self-signed root. */
export const root = (parts: Parts = {}): Bytes =>
  tbs(
    parts,
    {
      basicConstraints: basicConstraints([bool(0xff)]),
      keyUsage: keyUsage('06', 1),
      subjectKey: common['subjectKey'] ?? null,
    },
    issuerName,
  );

/** An OCSP responder's certificate. */
export const responder = (parts: Parts = {}): Bytes =>
  tbs(
    parts,
    {
      keyUsage: keyUsage('80', 7),
      purposes: purposes(id.ocspSigning),
      noCheck,
      ...common,
    },
    commonName('OCSP responder'),
  );

/** A short-lived certificate without status (RFC 9608). */
export const shortLived = (parts: Parts = {}): Bytes =>
  endEntity({
    ...parts,
    extensions: {
      distributionPoints: null,
      informationAccess: null,
      noRevAvail,
      ...parts.extensions,
    },
  });

/** The whole Certificate around a TBSCertificate, with a signature that nobody verifies here. */
export function certificate(tbsDer: Bytes, algorithm = ecdsaWithSha256): Certificate {
  return parseCertificate(seq(tbsDer, algorithm, bits(seq(int('01'), int('01')))));
}

/** The issuer of all vectors; `parts` change it. */
export const issuer = (parts: Parts = {}): Certificate =>
  certificate(
    root({
      validity: validity(utcTime('261101000000Z'), utcTime('361101000000Z')),
      ...parts,
      extensions: {
        subjectKey: extension(id.subjectKeyIdentifier, octets(issuerKeyId)),
        ...parts.extensions,
      },
    }),
  );

export const theIssuer = issuer();
const profile = { name: 'test', maxValiditySeconds: 90 * 86_400 } as const;

export const asEndEntity: CertificateLintContext = {
  type: 'endEntity',
  issuer: theIssuer,
  profile,
  urls,
};
export const asCa: CertificateLintContext = { type: 'ca', issuer: theIssuer, profile, urls };
export const asRoot: CertificateLintContext = { type: 'root', profile };
export const asResponder: CertificateLintContext = {
  type: 'ocspSigning',
  issuer: theIssuer,
  profile,
  urls,
};
export const asShortLived: CertificateLintContext = {
  type: 'endEntity',
  issuer: theIssuer,
  profile: { ...profile, shortLived: true },
  urls,
};
