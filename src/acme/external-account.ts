import { createHash, createHmac } from 'node:crypto';
import { errors, flattenedVerify } from 'jose';
import { encodeBase64url } from './base64url.ts';
import { publicJwk, thumbprintOf } from './jwk.ts';
import {
  decodePayload,
  parseFlattened,
  parseProtectedHeader,
  requireAlgorithm,
  requireSignature,
  requireUrl,
} from './jws.ts';
import type { PublicJwk } from './ports.ts';
import { AcmeProblem } from './problem.ts';
import { parseJsonObject } from './strict-json.ts';

export { isAllowed, parseAllowed } from './allowed-names.ts';

/** MACs of a binding (RFC 8555 §7.3.4: a MAC-based algorithm). */
export const bindingAlgorithms = ['HS256', 'HS384', 'HS512'] as const;
export type BindingAlgorithm = (typeof bindingAlgorithms)[number];

/** Names a secret without giving any of it away: the first 16 hex digits of a hash of a MAC by it. */
export function secretId(secret: Uint8Array): string {
  const mac = createHmac('sha256', secret).update('chancery secret id').digest();
  return createHash('sha256').update(mac).digest('hex').slice(0, 16);
}

/** The MAC key of a credential, 32 octets: derived, so that no database and no backup of it holds one. */
export function macKey(secret: Uint8Array, kid: string): Uint8Array {
  const mac = createHmac('sha256', secret).update('chancery eab v1').update(Uint8Array.of(0));
  return new Uint8Array(mac.update(kid, 'utf8').digest());
}

/**
 * A new kid of 128 random bits and its MAC key, both in base64url. Neither begins with a hyphen: the
 * command lines of clients would take it for an option (`certbot --eab-kid -Ab…` fails).
 */
export function newBinding(
  secret: Uint8Array,
  randomBytes: (octets: number) => Uint8Array,
): { readonly kid: string; readonly hmacKey: string } {
  for (let attempt = 1; ; attempt += 1) {
    const kid = randomName(randomBytes);
    const hmacKey = encodeBase64url(macKey(secret, kid));
    if (!hmacKey.startsWith('-') || attempt === enoughDraws) return { kid, hmacKey };
  }
}

/** One in sixty-four is drawn again; so many in a row come from a broken generator only. */
const enoughDraws = 100;

/** 128 random bits as base64url that no command line takes for an option. */
export function randomName(randomBytes: (octets: number) => Uint8Array): string {
  for (let attempt = 1; ; attempt += 1) {
    const name = encodeBase64url(randomBytes(16));
    if (!name.startsWith('-') || attempt === enoughDraws) return name;
  }
}

/** An external account binding that is well-formed and says what it must; the MAC is still to be verified. */
export interface ExternalAccountBinding {
  readonly kid: string;
  readonly alg: BindingAlgorithm;
  /** Whether the MAC is by this key; compared in constant time. */
  verify(key: Uint8Array): Promise<boolean>;
  /** As it came, to be stored and returned verbatim. */
  readonly document: Readonly<Record<string, string>>;
}

/**
 * Reads `externalAccountBinding` of a newAccount request and checks all of RFC 8555 §7.3.4 but the
 * MAC: a MAC algorithm, a kid, no nonce, the url of the outer JWS, and the outer key as payload (I41).
 *
 * @throws AcmeProblem `malformed`, `unauthorized` or `badSignatureAlgorithm`.
 */
export function parseExternalAccountBinding(
  value: unknown,
  expected: { readonly url: string; readonly jwk: PublicJwk },
): ExternalAccountBinding {
  const what = 'externalAccountBinding';
  const malformed = (detail: string): AcmeProblem =>
    new AcmeProblem('malformed', { detail: `${what}: ${detail}` });
  const jws = parseFlattened(value, what);
  const header = parseProtectedHeader(jws, what);
  const alg = requireAlgorithm(header, bindingAlgorithms);
  requireSignature(jws, what);
  for (const name of ['nonce', 'jwk']) {
    if (Object.hasOwn(header, name)) throw malformed(`its protected header must not have ${name}`);
  }
  const { kid } = header as { readonly kid?: unknown };
  if (typeof kid !== 'string' || kid === '') {
    throw malformed(
      'its protected header has no text in kid; put the key identifier of the credential there',
    );
  }
  if (requireUrl(header) !== expected.url) {
    throw new AcmeProblem('unauthorized', {
      detail: `${what}: its url is not the URL of the request around it, ${expected.url}`,
    });
  }
  const bound = publicJwk(parseJsonObject(decodePayload(jws), `the payload of ${what}`));
  if (thumbprintOf(bound) !== thumbprintOf(expected.jwk)) {
    throw malformed('its payload is not the account key in jwk of the request around it');
  }
  return {
    kid,
    alg,
    document: { ...jws },
    verify: async (key) => {
      try {
        await flattenedVerify({ ...jws }, key, { algorithms: [alg] });
        return true;
      } catch (error) {
        if (error instanceof errors.JWSSignatureVerificationFailed) return false;
        throw error;
      }
    },
  };
}
