import { element, octetString, sequence } from '../../der/index.ts';
import { refuse } from '../decoding.ts';
import { oids } from '../oids.ts';
import type { Extension } from '../types.ts';
import { decodeExtension, type ExtensionType, makeExtension } from './extension.ts';

const subjectKeyIdentifier: ExtensionType = {
  oid: oids.subjectKeyIdentifier,
  name: 'subjectKeyIdentifier',
  clause: 'RFC 5280 §4.2.1.2',
};

const authorityKeyIdentifier: ExtensionType = {
  oid: oids.authorityKeyIdentifier,
  name: 'authorityKeyIdentifier',
  clause: 'RFC 5280 §4.2.1.1',
};

/** subjectKeyIdentifier, non-critical. */
export function encodeSubjectKeyIdentifier(keyId: Uint8Array): Extension {
  return makeExtension(subjectKeyIdentifier, false, () => octetString(keyId));
}

export function parseSubjectKeyIdentifier(value: Uint8Array): Uint8Array {
  return decodeExtension(subjectKeyIdentifier, value, (reader) => {
    const keyId = reader.octetString();
    if (keyId.length === 0) refuse('empty key identifier', reader);
    return keyId;
  });
}

/** authorityKeyIdentifier, non-critical, in its keyIdentifier form. */
export function encodeAuthorityKeyIdentifier(keyId: Uint8Array): Extension {
  return makeExtension(authorityKeyIdentifier, false, () => sequence(element(0x80, keyId)));
}

/**
 * The keyIdentifier, or undefined when the extension identifies the key only by issuer and
 * serial number; that form is read over (nothing here decides by it).
 */
export function parseAuthorityKeyIdentifier(value: Uint8Array): Uint8Array | undefined {
  return decodeExtension(authorityKeyIdentifier, value, (reader) => {
    const body = reader.sequence();
    const keyId = body.is(0x80) ? body.content(0x80) : undefined;
    const issuer = body.is(0xa1);
    if (issuer) body.enter(0xa1).checkRest();
    const serialNumber = body.is(0x82);
    if (serialNumber) body.integerBytes(0x82);
    body.end();
    if (issuer !== serialNumber) refuse('issuer and serial number must come together', reader);
    if (keyId?.length === 0) refuse('empty key identifier', reader);
    return keyId;
  });
}
