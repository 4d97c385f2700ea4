import type { CertificateLint } from '../certificate-subject.ts';
import { equalBytes } from '../encoding/element.ts';
import { authorityKeyIdentifier, subjectKeyIdentifierOf } from '../encoding/extension.ts';
import { oid } from '../encoding/oids.ts';

/** The keyIdentifier is the issuer's subjectKeyIdentifier (self-signed: its own) (RFC 5280 §4.2.1.1). */
export const authorityKeyIdentifierMatches: CertificateLint = {
  name: 'authority-key-identifier-matches',
  citation: 'RFC 5280 §4.2.1.1',
  description: "The keyIdentifier is the issuer's subjectKeyIdentifier (self-signed: its own)",
  applies: (certificate) => certificate.has(oid.authorityKeyIdentifier),
  check: (certificate) => {
    const value = certificate.value(oid.authorityKeyIdentifier);
    const found = value === undefined ? undefined : authorityKeyIdentifier(value);
    if (found === undefined) return undefined;
    const expected =
      certificate.issuer === undefined
        ? certificate.value(oid.subjectKeyIdentifier)?.content
        : subjectKeyIdentifierOf(certificate.issuer);
    if (expected === undefined)
      return "the issuer's certificate has no subjectKeyIdentifier to match";
    return equalBytes(found.content, expected)
      ? undefined
      : "authorityKeyIdentifier differs from the issuer's subjectKeyIdentifier";
  },
};
