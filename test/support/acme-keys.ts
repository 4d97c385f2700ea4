/** Account keys and JWS made by node:crypto alone: the other side of what the product verifies. */
import { createHash, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export type Jwk = Readonly<Record<string, string>>;
export type JwsAlgorithm = 'ES256' | 'ES384' | 'ES512' | 'RS256' | 'PS256' | 'EdDSA';

/** A key pair that signs JWS. */
export interface JwsKey {
  readonly alg: JwsAlgorithm;
  readonly privateKey: KeyObject;
  /** Public members, in the order of RFC 7638. */
  readonly jwk: Jwk;
  readonly thumbprint: string;
}

/** RFC 7515 §3.2: what stands in the body of a request. */
export interface FlattenedJws {
  readonly protected: string;
  readonly payload: string;
  readonly signature: string;
}

const curves: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

/** A new key pair. RSA has 2048 bits. */
export function jwsKey(alg: JwsAlgorithm = 'ES256'): JwsKey {
  const { privateKey } =
    alg === 'EdDSA'
      ? generateKeyPairSync('ed25519')
      : alg === 'RS256' || alg === 'PS256'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ec', { namedCurve: curves[alg] ?? '' });
  return jwsKeyOf(privateKey, alg);
}

/** The same for a private key that is there already, say a certificate's. */
export function jwsKeyOf(privateKey: KeyObject, alg: JwsAlgorithm = 'ES256'): JwsKey {
  const all = privateKey.export({ format: 'jwk' }) as Record<string, string>;
  const members = ['crv', 'e', 'kty', 'n', 'x', 'y'].filter((name) => all[name] !== undefined);
  const jwk = Object.fromEntries(members.map((name) => [name, all[name] ?? '']));
  return { alg, privateKey, jwk, thumbprint: thumbprintOf(jwk) };
}

/** RFC 7638 §3, SHA-256: members in lexicographic order, no white space. */
export function thumbprintOf(jwk: Jwk): string {
  const sorted = Object.fromEntries(Object.entries(jwk).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('base64url');
}

export function base64url(content: string | Uint8Array): string {
  return Buffer.from(content).toString('base64url');
}

/** '' stays empty (POST-as-GET); objects become JSON; strings and octets are taken as they are. */
export function encodePayload(payload: unknown): string {
  if (typeof payload === 'string') return base64url(payload);
  return base64url(payload instanceof Uint8Array ? payload : JSON.stringify(payload));
}

function signature(key: JwsKey, alg: string, input: Buffer): Buffer {
  const digest = `sha${alg.slice(2)}`;
  if (alg.startsWith('HS')) {
    // Algorithm confusion: the public key as if it were a secret.
    return createHmac(digest, JSON.stringify(key.jwk)).update(input).digest();
  }
  const { privateKey } = key;
  switch (key.alg) {
    case 'EdDSA':
      return sign(null, input, privateKey);
    case 'RS256':
    case 'PS256':
      return alg.startsWith('PS')
        ? sign(digest, input, { key: privateKey, padding: 6, saltLength: -1 })
        : sign(/^sha\d+$/.test(digest) ? digest : 'sha256', input, privateKey);
    default:
      return sign(/^sha\d+$/.test(digest) ? digest : 'sha256', input, {
        key: privateKey,
        dsaEncoding: 'ieee-p1363',
      });
  }
}

/** Signs as the header's `alg` says, as far as the key can. */
export function signJws(
  key: JwsKey,
  header: Readonly<Record<string, unknown>>,
  payload: unknown,
): FlattenedJws {
  const encoded = {
    protected: base64url(JSON.stringify(header)),
    payload: encodePayload(payload),
  };
  const alg = typeof header['alg'] === 'string' ? header['alg'] : key.alg;
  const input = Buffer.from(`${encoded.protected}.${encoded.payload}`);
  const value = alg === 'none' ? '' : base64url(signature(key, alg, input));
  return { ...encoded, signature: value };
}

/** RFC 8555 §7.3.4: the inner JWS that binds an account key to what the CA gave out. */
export function externalAccountBinding(
  credential: { readonly kid: string; readonly hmacKey: string },
  url: string,
  jwk: Jwk,
  change: {
    readonly header?: Readonly<Record<string, unknown>>;
    readonly payload?: unknown;
    readonly digest?: string;
    /** False: the key is taken as text, not as base64url. */
    readonly decode?: boolean;
  } = {},
): FlattenedJws {
  const header = { alg: 'HS256', kid: credential.kid, url, ...change.header };
  const encoded = {
    protected: base64url(JSON.stringify(header)),
    payload: encodePayload(change.payload ?? jwk),
  };
  const secret = Buffer.from(credential.hmacKey, change.decode === false ? 'utf8' : 'base64url');
  const digest = change.digest ?? `sha${header.alg.slice(2)}`;
  const mac = createHmac(digest, secret).update(`${encoded.protected}.${encoded.payload}`);
  return { ...encoded, signature: mac.digest('base64url') };
}

/** An EC key whose x or y begins with a zero octet: the place where thumbprints go wrong (RFC 7638 §3). */
export function keyWithLeadingZero(): JwsKey {
  for (;;) {
    const key = jwsKey('ES256');
    const [x = '', y = ''] = [key.jwk['x'], key.jwk['y']];
    if ([x, y].some((value) => Buffer.from(value, 'base64url')[0] === 0)) return key;
  }
}
