import type { Certificate, Name, SignatureAlgorithm } from '../pkix/index.ts';

/** The issuer under which the certificate is made. */
export interface IssuerInput {
  readonly issuerId: string;
  /** Undefined only while a self-signed root is being made. */
  readonly certificate?: Certificate | undefined;
  /** Issuer first, root last; empty for a self-signed root. */
  readonly chain: readonly Certificate[];
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** What its certificates point to, byte for byte. */
  readonly urls: { readonly crl: string; readonly ocsp: string; readonly caIssuers: string };
  readonly subject: Name;
  readonly subjectKeyIdentifier: Uint8Array;
}
