/**
 * RFC 5280 / 2986 / 6960 structures. Every parsed structure keeps its DER beside the
 * parsed value: names compare and copy as bytes.
 */
import type { KeyObject } from 'node:crypto';
import type { ReasonCode, SerialNumber } from '../domain/index.ts';

export interface AlgorithmIdentifier {
  readonly oid: string;
  /** The whole DER of the parameters element; undefined when absent. */
  readonly parameters?: Uint8Array | undefined;
  /** The whole DER of the AlgorithmIdentifier SEQUENCE. */
  readonly der: Uint8Array;
}

/** Names of the signature algorithms that Chancery signs with; the registry resolves all else. */
export type SignatureAlgorithmName =
  | 'ecdsa-with-SHA256'
  | 'ecdsa-with-SHA384'
  | 'ecdsa-with-SHA512'
  | 'sha256WithRSAEncryption'
  | 'sha384WithRSAEncryption'
  | 'sha512WithRSAEncryption'
  | 'rsassa-pss-sha256'
  | 'rsassa-pss-sha384'
  | 'rsassa-pss-sha512'
  | 'ed25519';

export type KeyAlgorithmName =
  | 'p256'
  | 'p384'
  | 'p521'
  | 'rsa2048'
  | 'rsa3072'
  | 'rsa4096'
  | 'ed25519';

/** One row of the registry: everything anyone needs to sign or verify with this algorithm. */
export interface SignatureAlgorithm {
  readonly name: SignatureAlgorithmName;
  readonly oid: string;
  /** The complete AlgorithmIdentifier (RSA: NULL parameters; ECDSA, EdDSA: absent; PSS: explicit, RFC 4055 §3.1). */
  readonly identifier: AlgorithmIdentifier;
  readonly keyType: 'ec' | 'rsa' | 'ed25519';
  /** Undefined for Ed25519. */
  readonly digest?: 'sha256' | 'sha384' | 'sha512' | undefined;
  readonly padding?: 'pkcs1' | 'pss' | undefined;
}

export interface AttributeTypeAndValue {
  readonly oid: string;
  /** Decoded text; for a value that is no string type, `#` and the hex of its DER (RFC 4514 §2.4). */
  readonly value: string;
  /** Universal tag number of the value: 12 UTF8String, 19 PrintableString, 22 IA5String, 20 T61, 30 BMP … */
  readonly tag: number;
}

/** A Name with its exact bytes. Two names are equal when their DER is (RFC 5280 §7.1 allows more; deliberately not used for chaining). */
export interface Name {
  readonly der: Uint8Array;
  readonly rdns: readonly (readonly AttributeTypeAndValue[])[];
}

/** RFC 5280 §4.2.1.6. */
export type GeneralName =
  | { readonly type: 'otherName'; readonly typeId: string; readonly value: Uint8Array }
  | { readonly type: 'rfc822Name'; readonly value: string }
  | { readonly type: 'dNSName'; readonly value: string }
  | { readonly type: 'x400Address'; readonly der: Uint8Array }
  | { readonly type: 'directoryName'; readonly name: Name }
  | { readonly type: 'ediPartyName'; readonly der: Uint8Array }
  | { readonly type: 'uniformResourceIdentifier'; readonly value: string }
  /** 4 or 16 octets; in name constraints 8 or 32. */
  | { readonly type: 'iPAddress'; readonly bytes: Uint8Array }
  | { readonly type: 'registeredID'; readonly oid: string };

export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  /** Content of the OCTET STRING: the DER of the extension's own type. */
  readonly value: Uint8Array;
}

/** SubjectPublicKeyInfo (RFC 5280 §4.1.2.7, RFC 5480, RFC 8017, RFC 8410). */
export interface SubjectPublicKeyInfo {
  readonly der: Uint8Array;
  readonly algorithm: AlgorithmIdentifier;
  /** Content of the BIT STRING without the unused-bits octet. */
  readonly subjectPublicKey: Uint8Array;
  /** Resolved key; `unknown` for an algorithm outside the registry (kept, never interpreted). */
  readonly key:
    | {
        readonly type: 'ec';
        readonly curve: 'P-256' | 'P-384' | 'P-521' | 'other';
        readonly curveOid: string;
      }
    | {
        readonly type: 'rsa';
        readonly modulus: bigint;
        readonly exponent: bigint;
        readonly modulusBits: number;
      }
    | { readonly type: 'ed25519' }
    | { readonly type: 'unknown' };
}

export interface Validity {
  readonly notBefore: Date;
  /** Inclusive (RFC 5280 §4.1.2.5). 9999-12-31T23:59:59Z means no well-defined end. */
  readonly notAfter: Date;
}

/** What `encodeTbsCertificate` takes: always version 3, no unique identifiers. */
export interface TbsCertificate {
  readonly serialNumber: SerialNumber;
  readonly signature: SignatureAlgorithm;
  readonly issuer: Name;
  readonly validity: Validity;
  readonly subject: Name;
  readonly subjectPublicKeyInfo: SubjectPublicKeyInfo;
  readonly extensions: readonly Extension[];
}

export interface Certificate {
  readonly der: Uint8Array;
  readonly tbsDer: Uint8Array;
  readonly version: 1 | 2 | 3;
  readonly serialNumber: SerialNumber;
  /** INTEGER content octets exactly as encoded. */
  readonly serialNumberBytes: Uint8Array;
  readonly tbsSignature: AlgorithmIdentifier;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
  readonly issuer: Name;
  readonly validity: Validity;
  readonly subject: Name;
  readonly subjectPublicKeyInfo: SubjectPublicKeyInfo;
  readonly extensions: readonly Extension[];
}

/** PKCS#10 (RFC 2986). */
export interface CertificationRequest {
  readonly der: Uint8Array;
  readonly infoDer: Uint8Array;
  readonly subject: Name;
  readonly subjectPublicKeyInfo: SubjectPublicKeyInfo;
  /** From every extensionRequest attribute; a duplicate OID is refused at parsing. */
  readonly requestedExtensions: readonly Extension[];
  /** OIDs of all attributes, in order. */
  readonly attributeOids: readonly string[];
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
}

export interface RevokedCertificate {
  readonly serialNumber: SerialNumber;
  readonly revocationDate: Date;
  readonly reasonCode?: ReasonCode | undefined;
  readonly invalidityDate?: Date | undefined;
}

export interface TbsCertList {
  readonly signature: SignatureAlgorithm;
  readonly issuer: Name;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly crlNumber: bigint;
  readonly authorityKeyIdentifier: Uint8Array;
  readonly issuingDistributionPoint?: IssuingDistributionPoint | undefined;
  /** Makes it a delta CRL: the number of the complete CRL that it completes (RFC 5280 §5.2.4). */
  readonly baseCrlNumber?: bigint | undefined;
  /** URIs of the delta CRL, the same under each; in complete CRLs only (RFC 5280 §5.2.6). */
  readonly freshestCrl?: readonly string[] | undefined;
  /** Entries of certificates that expired since then are kept (X.509, expiredCertsOnCRL). */
  readonly expiredCertsOnCrl?: Date | undefined;
}

export interface IssuingDistributionPoint {
  readonly fullName: readonly GeneralName[];
  readonly onlyContainsUserCerts?: boolean | undefined;
  readonly onlyContainsCACerts?: boolean | undefined;
  readonly indirectCRL?: boolean | undefined;
  readonly onlyContainsAttributeCerts?: boolean | undefined;
}

export interface CertificateList {
  readonly der: Uint8Array;
  readonly tbsDer: Uint8Array;
  readonly version: 1 | 2;
  readonly tbsSignature: AlgorithmIdentifier;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
  readonly issuer: Name;
  readonly thisUpdate: Date;
  readonly nextUpdate?: Date | undefined;
  readonly extensions: readonly Extension[];
  readonly crlNumber?: bigint | undefined;
  /** Of a delta CRL: the number of the complete CRL that it starts from (RFC 5280 §5.2.4). */
  readonly baseCrlNumber?: bigint | undefined;
  /** Whether the revokedCertificates element is present at all (§5.1.2.6: never an empty SEQUENCE). */
  readonly hasRevokedCertificates: boolean;
  /** The entries as they stand in the list, without the header before them; empty when it has none. */
  readonly encodedEntries: Uint8Array;
  /** Lazily walks the entries; a large list is never held whole. */
  entries(): IterableIterator<RevokedCertificate & { readonly extensions: readonly Extension[] }>;
}

/** RFC 6960 §4.1.1. */
export interface CertID {
  readonly der: Uint8Array;
  readonly hashAlgorithm: AlgorithmIdentifier;
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  readonly serialNumber: SerialNumber;
}

/** RFC 6960 §4.1.1; over the octets of the TBSRequest. */
export interface OcspRequestSignature {
  readonly algorithm: AlgorithmIdentifier;
  readonly value: Uint8Array;
  /** DER, not read further. */
  readonly certificates: readonly Uint8Array[];
}

export interface OcspRequest {
  readonly der: Uint8Array;
  /** TBSRequest, what a signature is over. */
  readonly tbsDer: Uint8Array;
  readonly requests: readonly {
    readonly certID: CertID;
    readonly extensions: readonly Extension[];
  }[];
  readonly extensions: readonly Extension[];
  /** Content of the nonce's inner OCTET STRING (RFC 9654); undefined when not sent. */
  readonly nonce?: Uint8Array | undefined;
  readonly signature?: OcspRequestSignature | undefined;
  readonly requestorName?: GeneralName | undefined;
}

export type CertStatus =
  | { readonly type: 'good' }
  | {
      readonly type: 'revoked';
      readonly revocationTime: Date;
      readonly reasonCode?: ReasonCode | undefined;
    }
  | { readonly type: 'unknown' };

export interface SingleResponse {
  /** Echoed byte for byte from the request. */
  readonly certID: CertID;
  readonly certStatus: CertStatus;
  readonly thisUpdate: Date;
  readonly nextUpdate?: Date | undefined;
  readonly extensions?: readonly Extension[] | undefined;
}

export type ResponderID =
  | { readonly type: 'byKey'; readonly keyHash: Uint8Array }
  | { readonly type: 'byName'; readonly name: Name };

export interface ResponseData {
  readonly responderID: ResponderID;
  readonly producedAt: Date;
  readonly responses: readonly SingleResponse[];
  readonly extensions: readonly Extension[];
}

export interface BasicOcspResponse {
  readonly der: Uint8Array;
  readonly tbsDer: Uint8Array;
  readonly responseData: ResponseData;
  readonly nonce?: Uint8Array | undefined;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
  readonly certs: readonly Certificate[];
}

/** RFC 6960 §4.2.1; names as in the RFC. */
export const ocspResponseStatus = {
  successful: 0,
  malformedRequest: 1,
  internalError: 2,
  tryLater: 3,
  sigRequired: 5,
  unauthorized: 6,
} as const;
export type OcspResponseStatus = keyof typeof ocspResponseStatus;

export interface OcspResponse {
  readonly status: OcspResponseStatus;
  readonly basic?: BasicOcspResponse | undefined;
}

export type KeyUsageBit =
  | 'digitalSignature'
  | 'nonRepudiation'
  | 'keyEncipherment'
  | 'dataEncipherment'
  | 'keyAgreement'
  | 'keyCertSign'
  | 'cRLSign'
  | 'encipherOnly'
  | 'decipherOnly';

export interface BasicConstraints {
  readonly cA: boolean;
  readonly pathLenConstraint?: number | undefined;
}

export interface GeneralSubtree {
  readonly base: GeneralName;
}

export interface NameConstraints {
  readonly permittedSubtrees: readonly GeneralSubtree[];
  readonly excludedSubtrees: readonly GeneralSubtree[];
}

export interface AuthorityInfoAccess {
  readonly ocsp: readonly string[];
  readonly caIssuers: readonly string[];
}

/** URIs of the subject's own services (RFC 5280 §4.2.2.2). */
export interface SubjectInfoAccess {
  /** Where a CA publishes the certificates that it issued. */
  readonly caRepository: readonly string[];
}

/** The two policies that the issuer holds to be equal (RFC 5280 §4.2.1.5). */
export interface PolicyMapping {
  readonly issuerDomainPolicy: string;
  readonly subjectDomainPolicy: string;
}

/** After how many more certificates each takes effect (RFC 5280 §4.2.1.11); at least one is there. */
export interface PolicyConstraints {
  readonly requireExplicitPolicy?: number | undefined;
  readonly inhibitPolicyMapping?: number | undefined;
}

export interface PolicyInformation {
  readonly policyIdentifier: string;
  readonly cps?: readonly string[] | undefined;
}

/** A public key ready to verify with; made once and kept (importing costs more than verifying). */
export type VerificationKey = KeyObject;
