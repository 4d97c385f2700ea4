import { type DerReader, element, sequence, tags } from '../../der/index.ts';
import { refuse } from '../decoding.ts';
import {
  encodeGeneralName,
  encodeGeneralNames,
  readGeneralName,
  readGeneralNames,
} from '../general-name.ts';
import { oids } from '../oids.ts';
import type { Extension, GeneralName, GeneralSubtree, NameConstraints } from '../types.ts';
import { decodeExtension, type ExtensionType, makeExtension } from './extension.ts';

const subjectAltName: ExtensionType = {
  oid: oids.subjectAltName,
  name: 'subjectAltName',
  clause: 'RFC 5280 §4.2.1.6',
};

/** subjectAltName; `critical` exactly when the subject is empty (RFC 5280 §4.2.1.6). At least one name. */
export function encodeSubjectAltName(names: readonly GeneralName[], critical: boolean): Extension {
  return makeExtension(subjectAltName, critical, () => encodeGeneralNames(names));
}

/** The names; an empty SEQUENCE, an empty or non-ASCII name and an IP of a wrong length are refused. */
export function parseSubjectAltName(value: Uint8Array): GeneralName[] {
  return decodeExtension(subjectAltName, value, (reader) => readGeneralNames(reader));
}

const nameConstraints: ExtensionType = {
  oid: oids.nameConstraints,
  name: 'nameConstraints',
  clause: 'RFC 5280 §4.2.1.10',
};

function subtrees(list: readonly GeneralSubtree[], tag: number): Uint8Array {
  return element(tag, ...list.map(({ base }) => sequence(encodeGeneralName(base, 'constraint'))));
}

/** nameConstraints, critical; at least one subtree; minimum 0 and no maximum (RFC 5280 §4.2.1.10). */
export function encodeNameConstraints(constraints: NameConstraints): Extension {
  return makeExtension(nameConstraints, true, () => {
    const { permittedSubtrees, excludedSubtrees } = constraints;
    if (permittedSubtrees.length + excludedSubtrees.length === 0) {
      refuse('nameConstraints without a subtree');
    }
    const parts: Uint8Array[] = [];
    if (permittedSubtrees.length > 0) parts.push(subtrees(permittedSubtrees, 0xa0));
    if (excludedSubtrees.length > 0) parts.push(subtrees(excludedSubtrees, 0xa1));
    return sequence(...parts);
  });
}

function readSubtrees(reader: DerReader, tag: number): GeneralSubtree[] {
  const body = reader.enter(tag);
  const list: GeneralSubtree[] = [];
  while (!body.done) {
    const subtree = body.sequence();
    const base = readGeneralName(subtree, 'constraint');
    // minimum [0] and maximum [1]: RFC 5280 wants 0 (so left out) and absent.
    if (!subtree.done) refuse('a subtree with minimum or maximum', subtree);
    list.push({ base });
  }
  if (list.length === 0) refuse('an empty list of subtrees (SIZE 1..MAX)', reader);
  return list;
}

/** The subtrees; an empty extension, an empty list, and minimum or maximum are refused. */
export function parseNameConstraints(value: Uint8Array): NameConstraints {
  return decodeExtension(nameConstraints, value, (reader) => {
    const body = reader.sequence();
    const permittedSubtrees = body.is(0xa0) ? readSubtrees(body, 0xa0) : [];
    const excludedSubtrees = body.is(0xa1) ? readSubtrees(body, 0xa1) : [];
    body.end();
    if (permittedSubtrees.length + excludedSubtrees.length === 0) {
      refuse('nameConstraints without a subtree', reader);
    }
    return { permittedSubtrees, excludedSubtrees };
  });
}

/** A name read behind an EXPLICIT [0] (DistributionPointName is a CHOICE). Shared with distribution points. */
export function readFullName(reader: DerReader): GeneralName[] {
  return readGeneralNames(reader, 0xa0);
}

/** GeneralNames with an IMPLICIT [0] in place of SEQUENCE. */
export function encodeFullName(names: readonly GeneralName[]): Uint8Array {
  const encoded = encodeGeneralNames(names).slice();
  if (encoded[0] !== tags.sequence) refuse('GeneralNames is no SEQUENCE');
  encoded[0] = 0xa0;
  return encoded;
}
