import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { isChanceryError } from '../domain/index.ts';
import { parseSubjectPublicKeyInfo } from '../pkix/index.ts';
import { checkKey } from '../policy/index.ts';
import { decodeBase64url } from './base64url.ts';
import type { PublicJwk } from './ports.ts';
import { AcmeProblem } from './problem.ts';
import { isJsonObject, type JsonObject } from './strict-json.ts';

/** Every alg that an account key may sign with; those of one key depend on its type. */
export const jwsAlgorithms = ['ES256', 'ES384', 'ES512', 'RS256', 'PS256', 'EdDSA'] as const;
export type JwsAlgorithm = (typeof jwsAlgorithms)[number];

/** An account key, ready to verify with. Keep it: importing costs as much as verifying. */
export interface AccountKey {
  readonly jwk: PublicJwk;
  /** base64url SHA-256 (RFC 7638). */
  readonly thumbprint: string;
  /** Lower-case hex SHA-256 of its SubjectPublicKeyInfo. */
  readonly spkiHash: string;
  /** The alg values that this key may sign with, and no others. */
  readonly algorithms: readonly JwsAlgorithm[];
  readonly key: KeyObject;
}

interface KeyType {
  readonly algorithms: readonly JwsAlgorithm[];
  /** Members of the thumbprint (RFC 7638 §3.2), in its order; those with octets have a fixed length or a bound. */
  readonly members: readonly string[];
  readonly octets: { readonly exactly: number } | { readonly atMost: number };
}

const curve = (alg: JwsAlgorithm, octets: number): KeyType => ({
  algorithms: [alg],
  members: ['crv', 'kty', 'x', 'y'],
  octets: { exactly: octets },
});

/** By kty, and crv behind a slash. */
const keyTypes: Readonly<Record<string, KeyType>> = {
  'EC/P-256': curve('ES256', 32),
  'EC/P-384': curve('ES384', 48),
  'EC/P-521': curve('ES512', 66),
  // Bound before anything is computed (I38); the key policy says which sizes are taken.
  RSA: { algorithms: ['RS256', 'PS256'], members: ['e', 'kty', 'n'], octets: { atMost: 512 } },
  'OKP/Ed25519': {
    algorithms: ['EdDSA'],
    members: ['crv', 'kty', 'x'],
    octets: { exactly: 32 },
  },
};

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];
const kinds = 'EC with P-256, P-384 or P-521, RSA of 2048 to 4096 bits, or OKP with Ed25519';

function refused(detail: string, cause?: unknown): AcmeProblem {
  return new AcmeProblem('badPublicKey', { detail, cause });
}

/**
 * The account key of a `jwk` header parameter (RFC 8555 §6.2), read strictly and put to the key
 * policy. Members that no thumbprint has (`kid`, `use`, `alg` …) are not kept; where `use`,
 * `key_ops` or `alg` say that the key is for something else, it is refused.
 *
 * @throws AcmeProblem `badPublicKey`.
 */
export function parseJwk(value: unknown): AccountKey {
  const jwk = publicJwk(value);
  const key = importKey(jwk);
  const spki = exportSpki(key);
  let faults: readonly { readonly message: string }[];
  try {
    faults = checkKey(parseSubjectPublicKeyInfo(spki));
  } catch (error) {
    if (!isChanceryError(error)) throw error;
    faults = [error];
  }
  if (faults.length > 0) {
    const why = faults.map(({ message }) => message).join('; ');
    throw refused(`the account key is refused: ${why}; make a new key and register with it`);
  }
  return accountKeyOf(jwk, key, spki);
}

/** The key of a registered account: it passed `parseJwk` once, so the costly checks are not done again. */
export function loadAccountKey(jwk: PublicJwk): AccountKey {
  const key = importKey(jwk);
  return accountKeyOf(jwk, key, exportSpki(key));
}

/**
 * The members of the thumbprint in its order (RFC 7638 §3), each checked for its one right
 * spelling: two spellings of one key would be two accounts.
 *
 * @throws AcmeProblem `badPublicKey`.
 */
export function publicJwk(value: unknown): PublicJwk {
  if (!isJsonObject(value)) throw refused('the jwk is no JSON object');
  const secret = privateMembers.find((name) => Object.hasOwn(value, name));
  if (secret !== undefined) {
    throw refused(
      `the jwk holds ${secret}, a part of a private or symmetric key; send the public members only, and make a new key: this one was given away`,
    );
  }
  const type = keyTypeOf(value);
  requireSigningKey(value, type);
  const members = type.members.map((name): [string, string] => {
    const member = value[name];
    if (typeof member !== 'string') throw refused(`the jwk has no text in ${name}`);
    if (name !== 'kty' && name !== 'crv') requireOctets(name, member, type.octets);
    return [name, member];
  });
  return Object.fromEntries(members);
}

/** base64url SHA-256 of the public members in lexicographic order without blanks (RFC 7638 §3). */
export function thumbprintOf(jwk: PublicJwk): string {
  const names = Object.keys(jwk).toSorted();
  const text = JSON.stringify(Object.fromEntries(names.map((name) => [name, jwk[name]])));
  return createHash('sha256').update(text).digest('base64url');
}

function keyTypeOf(jwk: JsonObject): KeyType {
  const { kty, crv } = jwk as { readonly kty?: unknown; readonly crv?: unknown };
  // Of text only: JSON can hold objects that no text can be made of.
  const curved = typeof kty === 'string' && typeof crv === 'string' ? `${kty}/${crv}` : '';
  const name = kty === 'RSA' ? kty : curved;
  const known = Object.hasOwn(keyTypes, name);
  const type = known ? keyTypes[name] : undefined;
  if (type === undefined) {
    const said = JSON.stringify([kty, crv]).slice(0, 60);
    throw refused(`keys of kty and crv ${said} are not taken; use ${kinds}`);
  }
  return type;
}

/** RFC 7517 §4.2 to §4.4: what the key says of its own use binds. */
function requireSigningKey(jwk: JsonObject, type: KeyType): void {
  const { use, alg, key_ops: operations } = jwk as Readonly<Record<string, unknown>>;
  if (use !== undefined && use !== 'sig')
    throw refused('the jwk says by use that it is not for signatures');
  if (alg !== undefined && !type.algorithms.some((one) => one === alg)) {
    throw refused(
      `the jwk's alg does not suit it; it may sign with ${type.algorithms.join(' or ')}`,
    );
  }
  if (operations === undefined) return;
  if (!Array.isArray(operations) || !operations.includes('verify')) {
    throw refused('the jwk says by key_ops that it is not for verifying');
  }
}

function requireOctets(name: string, text: string, length: KeyType['octets']): void {
  const most = 'exactly' in length ? length.exactly : length.atMost;
  // Four characters hold three octets; anything longer is not even decoded.
  const octets = text.length <= Math.ceil((most * 4) / 3) ? decodeBase64url(text) : undefined;
  if ('exactly' in length) {
    if (octets?.length === length.exactly) return;
    // RFC 7518 §6.2.1.2: the full size of a coordinate, leading zeros included.
    throw refused(`${name} of the jwk is not base64url of exactly ${length.exactly} octets`);
  }
  // RFC 7518 §2, Base64urlUInt: the minimum number of octets.
  if (octets !== undefined && octets.length > 0 && octets[0] !== 0) return;
  throw refused(
    `${name} of the jwk is not base64url of 1 to ${length.atMost} octets without leading zeros`,
  );
}

function importKey(jwk: PublicJwk): KeyObject {
  try {
    return createPublicKey({ key: { ...jwk }, format: 'jwk' });
  } catch (cause) {
    throw refused(
      'the jwk is no key of its type: its numbers are no point of the curve or no modulus',
      cause,
    );
  }
}

function exportSpki(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ type: 'spki', format: 'der' }));
}

function accountKeyOf(jwk: PublicJwk, key: KeyObject, spki: Uint8Array): AccountKey {
  return {
    jwk,
    thumbprint: thumbprintOf(jwk),
    spkiHash: createHash('sha256').update(spki).digest('hex'),
    algorithms: keyTypeOf(jwk).algorithms,
    key,
  };
}
