import { errors, flattenedVerify } from 'jose';
import { decodeBase64url } from './base64url.ts';
import { type AccountKey, jwsAlgorithms } from './jwk.ts';
import { AcmeProblem } from './problem.ts';
import { isJsonObject, type JsonObject, parseJsonObject } from './strict-json.ts';

/** Octets of a request body that are read at all (I38): a CSR of a hundred names and an RSA key needs a tenth of it. */
const maxBody = 128 * 1024;

/** A request's JWS, read and not yet verified (RFC 8555 §6.2). Exactly one of `kid` and `jwk` is there. */
export interface ParsedJws {
  readonly alg: string;
  readonly nonce?: string;
  readonly url: string;
  readonly kid?: string;
  /** Not checked yet: `parseJwk` does. */
  readonly jwk?: unknown;
  /** Decoded; empty for POST-as-GET. */
  readonly payload: Uint8Array;
  readonly compact: FlattenedJws;
}

/** The three members of the flattened JSON serialization (RFC 7515 §7.2.2), and no others. */
export interface FlattenedJws {
  readonly protected: string;
  readonly payload: string;
  readonly signature: string;
}

function malformed(detail: string): AcmeProblem {
  return new AcmeProblem('malformed', { detail });
}

/**
 * Reads a JWS as RFC 8555 §6.2 wants it: flattened JSON with one signature and all of its header
 * protected, an asymmetric alg of the list, a URL, and one of jwk and kid.
 *
 * @param body The octets of the request, or an object that JSON already was read into.
 * @param what `nonce: 'forbidden'` for the inner JWS of a key change (§7.3.5).
 * @throws AcmeProblem `malformed`, `badSignatureAlgorithm` or `badNonce`; nothing else.
 */
export function parseJws(
  body: unknown,
  what: { readonly nonce: 'required' | 'forbidden' },
): ParsedJws {
  const compact = parseFlattened(body, 'the JWS');
  const header = parseProtectedHeader(compact, 'the JWS');
  const alg = requireAlgorithm(header, jwsAlgorithms);
  requireSignature(compact, 'the JWS');
  const nonce = requireNonce(header, what.nonce);
  const url = requireUrl(header);
  const { kid, jwk } = header as { readonly kid?: unknown; readonly jwk?: unknown };
  const common = {
    alg,
    ...(nonce === undefined ? {} : { nonce }),
    url,
    payload: decodePayload(compact),
    compact,
  };
  if ((kid === undefined) === (jwk === undefined)) {
    throw malformed(
      'the protected header has both or none of jwk and kid; a request names its key by exactly one of them',
    );
  }
  if (jwk !== undefined) {
    if (!isJsonObject(jwk)) throw malformed('jwk in the protected header is no JSON object');
    return { ...common, jwk };
  }
  if (typeof kid !== 'string' || kid === '') {
    throw malformed('kid in the protected header is no account URL');
  }
  return { ...common, kid };
}

/**
 * Verifies the signature by the key, with an alg that the key's own type allows: the header never
 * chooses how a key is used (I37).
 *
 * @throws AcmeProblem `badSignatureAlgorithm` or `malformed`.
 */
export async function verifyJws(jws: ParsedJws, key: AccountKey): Promise<void> {
  if (!key.algorithms.some((alg) => alg === jws.alg)) {
    throw new AcmeProblem('badSignatureAlgorithm', {
      detail: `alg ${jws.alg} does not suit the account key, which signs with ${key.algorithms.join(' or ')}`,
      algorithms: key.algorithms,
    });
  }
  try {
    await flattenedVerify({ ...jws.compact }, key.key, { algorithms: [jws.alg] });
  } catch (cause) {
    if (!(cause instanceof errors.JOSEError)) throw cause;
    throw new AcmeProblem('malformed', {
      detail:
        'the signature of the JWS does not verify with the account key; sign the protected header and payload exactly as they are sent',
      cause,
    });
  }
}

/**
 * The three members, each of them text in base64url, and nothing else: no unprotected header, no
 * second signature, no detached payload.
 *
 * @throws AcmeProblem `malformed`; `what` names the JWS in its detail.
 */
export function parseFlattened(body: unknown, what: string): FlattenedJws {
  if (body instanceof Uint8Array && body.length > maxBody) {
    throw new AcmeProblem('malformed', {
      detail: `${what} is larger than ${maxBody} octets`,
      status: 413,
    });
  }
  const members = body instanceof Uint8Array ? parseJsonObject(body, what) : body;
  if (!isJsonObject(members)) throw malformed(`${what} is no JSON object`);
  const member = (name: keyof FlattenedJws): string => {
    const value = Object.hasOwn(members, name) ? members[name] : undefined;
    if (typeof value !== 'string') {
      throw malformed(`${what} has no text in ${name}; send flattened JSON (RFC 7515 §7.2.2)`);
    }
    return value;
  };
  const flattened = {
    protected: member('protected'),
    payload: member('payload'),
    signature: member('signature'),
  };
  const other = Object.keys(members).find((name) => !Object.hasOwn(flattened, name));
  if (other !== undefined) {
    throw malformed(
      `${what} has the member ${JSON.stringify(other.slice(0, 40))}; it has protected, payload and signature only: one signature, and no header outside protected`,
    );
  }
  if (decodeBase64url(flattened.signature) === undefined) {
    throw malformed(`the signature of ${what} is not base64url without padding`);
  }
  return flattened;
}

/**
 * The protected header as an object with unique names and without `crit` and `b64`: this server
 * knows no extension that a client may insist on.
 *
 * @throws AcmeProblem `malformed`.
 */
export function parseProtectedHeader(jws: FlattenedJws, what: string): JsonObject {
  const octets = decodeBase64url(jws.protected);
  if (octets === undefined || octets.length === 0) {
    throw malformed(`the protected header of ${what} is not base64url without padding`);
  }
  const header = parseJsonObject(octets, `the protected header of ${what}`);
  for (const name of ['crit', 'b64']) {
    if (Object.hasOwn(header, name)) {
      throw malformed(`the protected header of ${what} has ${name}, which is not supported here`);
    }
  }
  return header;
}

/** The decoded payload. @throws AcmeProblem `malformed`. */
export function decodePayload(jws: FlattenedJws): Uint8Array {
  const payload = decodeBase64url(jws.payload);
  if (payload === undefined) throw malformed('the payload is not base64url without padding');
  return payload;
}

/** `alg` when the list has it. @throws AcmeProblem `badSignatureAlgorithm` with the list (RFC 8555 §6.2). */
export function requireAlgorithm<A extends string>(header: JsonObject, list: readonly A[]): A {
  const value = header['alg'];
  const alg = list.find((one) => one === value);
  if (alg !== undefined) return alg;
  if (typeof value !== 'string' || value === '') {
    throw malformed('the protected header has no text in alg');
  }
  throw new AcmeProblem('badSignatureAlgorithm', {
    detail: `alg ${JSON.stringify(value.slice(0, 40))} is not taken; use one of ${list.join(', ')}`,
    algorithms: list,
  });
}

/** That there is a signature at all: asked behind `alg`, since `none` has an error of its own. @throws AcmeProblem `malformed`. */
export function requireSignature({ signature }: FlattenedJws, what: string): void {
  if (signature === '') throw malformed(`the signature of ${what} is empty`);
}

/** `url` as text; whether it is the right one is for the caller to say (RFC 8555 §6.4). @throws AcmeProblem `malformed`. */
export function requireUrl(header: JsonObject): string {
  const url = header['url'];
  if (typeof url !== 'string' || url === '') {
    throw malformed('the protected header has no text in url; put the URL of the request there');
  }
  return url;
}

function requireNonce(header: JsonObject, rule: 'required' | 'forbidden'): string | undefined {
  const nonce = header['nonce'];
  if (rule === 'forbidden') {
    if (!Object.hasOwn(header, 'nonce')) return undefined;
    throw malformed('this JWS must not have a nonce: only the request around it has one');
  }
  if (nonce === undefined) {
    throw new AcmeProblem('badNonce', {
      detail: 'the protected header has no nonce; take the one in Replay-Nonce of this answer',
    });
  }
  // RFC 8555 §6.5.2: what is no base64url is malformed, not merely a bad nonce.
  if (typeof nonce !== 'string' || nonce === '' || decodeBase64url(nonce) === undefined) {
    throw malformed('nonce in the protected header is not base64url without padding');
  }
  return nonce;
}
