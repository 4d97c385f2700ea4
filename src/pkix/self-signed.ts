import { bytesEqual } from './decoding.ts';
import { findExtension } from './extensions/extension.ts';
import {
  parseAuthorityKeyIdentifier,
  parseSubjectKeyIdentifier,
} from './extensions/key-identifiers.ts';
import { namesEqual } from './name.ts';
import { oids } from './oids.ts';
import type { Certificate } from './types.ts';

/**
 * Whether a certificate says that its own key signed it: self-issued, and its authorityKeyIdentifier,
 * where it has one, is its subjectKeyIdentifier. A link certificate of a root that kept its name is
 * self-issued and not self-signed (RFC 5280 §3.2). The signature is not verified here.
 */
export function isSelfSigned({ issuer, subject, extensions }: Certificate): boolean {
  if (!namesEqual(issuer, subject)) return false;
  const authority = findExtension(extensions, oids.authorityKeyIdentifier);
  const own = findExtension(extensions, oids.subjectKeyIdentifier);
  const named = authority && parseAuthorityKeyIdentifier(authority.value);
  if (named === undefined || own === undefined) return true;
  return bytesEqual(named, parseSubjectKeyIdentifier(own.value));
}
