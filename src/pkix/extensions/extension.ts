import { boolean, type DerReader, octetString, oid, sequence, tags } from '../../der/index.ts';
import { decode, encode, refuse } from '../decoding.ts';
import type { Extension } from '../types.ts';

/** Longest list of extensions that is read; it also bounds the search for duplicates. */
const maxExtensions = 256;

/**
 * Reads Extensions (RFC 5280 §4.2): at least one, each OID at most once, `critical` never
 * written as FALSE (X.690 §11.5).
 */
export function readExtensions(reader: DerReader): Extension[] {
  const body = reader.sequence();
  const extensions: Extension[] = [];
  while (!body.done) {
    const entry = body.sequence();
    const id = entry.oid();
    let critical = false;
    if (entry.is(tags.boolean)) {
      critical = entry.boolean();
      if (!critical) refuse('critical FALSE is the default and must be left out', entry);
    }
    const value = entry.octetString();
    entry.end();
    for (const other of extensions) {
      if (other.oid === id) refuse(`extension ${id} twice (RFC 5280 §4.2)`, body);
    }
    if (extensions.length === maxExtensions) {
      refuse(`more than ${maxExtensions} extensions`, body);
    }
    extensions.push({ oid: id, critical, value });
  }
  if (extensions.length === 0) refuse('Extensions without an extension (SIZE 1..MAX)', reader);
  return extensions;
}

/** Encodes one Extension. */
function encodeOne(extension: Extension): Uint8Array {
  const value = octetString(extension.value);
  return extension.critical
    ? sequence(oid(extension.oid), boolean(true), value)
    : sequence(oid(extension.oid), value);
}

/**
 * Encodes Extensions in the order given. The caller leaves the whole field out for an empty list.
 *
 * @throws ChanceryError `malformed` for an empty list or an OID that occurs twice.
 */
export function encodeExtensions(extensions: readonly Extension[]): Uint8Array {
  return encode({ name: 'Extensions', clause: 'RFC 5280 §4.2' }, () => {
    if (extensions.length === 0) refuse('Extensions without an extension (SIZE 1..MAX)');
    const seen = new Set<string>();
    for (const { oid: id } of extensions) {
      if (seen.has(id)) refuse(`extension ${id} twice (RFC 5280 §4.2)`);
      seen.add(id);
    }
    return sequence(...extensions.map(encodeOne));
  });
}

/** The extension of that OID, or undefined. Parsing made sure that there is at most one. */
export function findExtension(extensions: readonly Extension[], id: string): Extension | undefined {
  return extensions.find((extension) => extension.oid === id);
}

/** What an extension is called and where it is defined; the error of a bad value says both. */
export interface ExtensionType {
  readonly oid: string;
  readonly name: string;
  readonly clause: string;
}

/** Reads an extension's value. @throws ChanceryError `malformed`. */
export function decodeExtension<T>(
  type: ExtensionType,
  value: Uint8Array,
  read: (reader: DerReader) => T,
): T {
  return decode({ name: type.name, clause: type.clause }, value, read);
}

/** Makes an Extension. @throws ChanceryError `malformed` when the value can't be encoded. */
export function makeExtension(
  type: ExtensionType,
  critical: boolean,
  write: () => Uint8Array,
): Extension {
  return {
    oid: type.oid,
    critical,
    value: encode({ name: type.name, clause: type.clause }, write),
  };
}
