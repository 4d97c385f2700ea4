import type { CrlLint } from '../crl-subject.ts';
import { equalBytes } from '../encoding/element.ts';
import { authorityKeyIdentifier, subjectKeyIdentifierOf } from '../encoding/extension.ts';
import { oid } from '../encoding/oids.ts';

/** authorityKeyIdentifier is present and its keyIdentifier, alone, is the issuer's subjectKeyIdentifier (RFC 5280 §5.2.1). */
export const crlAuthorityKeyIdentifier: CrlLint = {
  name: 'crl-authority-key-identifier',
  citation: 'RFC 5280 §5.2.1',
  description:
    "authorityKeyIdentifier is present and its keyIdentifier, alone, is the issuer's subjectKeyIdentifier",
  applies: () => true,
  check: (crl) => {
    const value = crl.value(oid.authorityKeyIdentifier);
    if (value?.tag !== 0x30) return 'authorityKeyIdentifier is absent';
    const found = authorityKeyIdentifier(value);
    const expected = subjectKeyIdentifierOf(crl.context.issuer);
    if (found === undefined || value.children.length !== 1)
      return 'authorityKeyIdentifier is not a keyIdentifier alone';
    return expected !== undefined && equalBytes(found.content, expected)
      ? undefined
      : "authorityKeyIdentifier differs from the issuer's subjectKeyIdentifier";
  },
};
