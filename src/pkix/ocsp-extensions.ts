import { type DerReader, generalizedTime, nullValue } from '../der/index.ts';
import { readAlgorithmIdentifier, resolveSignatureAlgorithm } from './algorithms.ts';
import { bytesEqual } from './decoding.ts';
import { decodeExtension, type ExtensionType, makeExtension } from './extensions/extension.ts';
import { oids } from './oids.ts';
import type {
  AlgorithmIdentifier,
  Extension,
  SignatureAlgorithm,
  SubjectPublicKeyInfo,
} from './types.ts';

const archiveCutoff: ExtensionType = {
  oid: oids.ocspArchiveCutoff,
  name: 'ArchiveCutoff',
  clause: 'RFC 6960 §4.4.4',
};

const extendedRevoke: ExtensionType = {
  oid: oids.ocspExtendedRevoke,
  name: 'extendedRevoke',
  clause: 'RFC 6960 §4.4.8',
};

const preferredSignatureAlgorithms: ExtensionType = {
  oid: oids.ocspPreferredSignatureAlgorithms,
  name: 'PreferredSignatureAlgorithms',
  clause: 'RFC 6960 §4.4.7',
};

const acceptableResponses: ExtensionType = {
  oid: oids.ocspResponse,
  name: 'AcceptableResponses',
  clause: 'RFC 6960 §4.4.3',
};

/** Most wishes that are read: a client that has more knows every algorithm there is. */
const maxPreferences = 32;

/** Archive cutoff, a single extension: producedAt minus the time that status is kept (RFC 6960 §4.4.4). */
export function archiveCutoffExtension(date: Date): Extension {
  return makeExtension(archiveCutoff, false, () => generalizedTime(date));
}

/** @throws ChanceryError `malformed`. */
export function parseArchiveCutoff(value: Uint8Array): Date {
  return decodeExtension(archiveCutoff, value, (reader) => reader.generalizedTime());
}

/** OIDs of the response types that a client takes. @throws ChanceryError `malformed`, also for more than 32. */
export function parseAcceptableResponses(value: Uint8Array): readonly string[] {
  return decodeExtension(acceptableResponses, value, (reader) => {
    const list = reader.sequence();
    const types: string[] = [];
    while (!list.done && types.length < maxPreferences) types.push(list.oid());
    list.end();
    return types;
  });
}

/** Extended revoked definition, a response extension: NULL (RFC 6960 §4.4.8). */
export const extendedRevokeExtension: Extension = makeExtension(extendedRevoke, false, nullValue);

/** One of the algorithms that a client would like its answer to be signed with. */
export interface PreferredSignatureAlgorithm {
  readonly signature: AlgorithmIdentifier;
  /** The kind of key wanted, with its parameters when they matter (a curve). */
  readonly publicKey?: AlgorithmIdentifier | undefined;
}

/**
 * PreferredSignatureAlgorithms, best first. An empty list is a client without a wish.
 *
 * @throws ChanceryError `malformed`, also for more than 32.
 */
export function parsePreferredSignatureAlgorithms(
  value: Uint8Array,
): readonly PreferredSignatureAlgorithm[] {
  return decodeExtension(preferredSignatureAlgorithms, value, (reader) => {
    const list = reader.sequence();
    const preferences: PreferredSignatureAlgorithm[] = [];
    while (!list.done && preferences.length < maxPreferences) preferences.push(readOne(list));
    list.end();
    return preferences;
  });
}

function readOne(list: DerReader): PreferredSignatureAlgorithm {
  const body = list.sequence();
  const signature = readAlgorithmIdentifier(body);
  // An SMIMECapability has the shape of an AlgorithmIdentifier (RFC 8551 §2.5.2).
  const publicKey = body.done ? undefined : readAlgorithmIdentifier(body);
  body.end();
  return { signature, publicKey };
}

/** Whether a signature by that key with that algorithm is what the client asks for. */
export function isPreferred(
  preference: PreferredSignatureAlgorithm,
  algorithm: SignatureAlgorithm,
  key: SubjectPublicKeyInfo,
): boolean {
  if (resolveSignatureAlgorithm(preference.signature)?.name !== algorithm.name) return false;
  const wanted = preference.publicKey;
  if (wanted === undefined) return true;
  if (wanted.oid !== key.algorithm.oid) return false;
  const { parameters } = key.algorithm;
  return (
    wanted.parameters === undefined ||
    (parameters !== undefined && bytesEqual(wanted.parameters, parameters))
  );
}
