/** JWS that RFC 8555 §6.2, RFC 7515 and I37 refuse, each made from a right one by one change. */
import { base64url, type FlattenedJws } from '../support/acme-keys.ts';

/** A right header and payload, and what a defect makes of the signed whole. */
export interface JwsDefect {
  readonly defect: string;
  /** Members put into the protected header; undefined takes one out. */
  readonly header?: Readonly<Record<string, unknown>>;
  /** The protected header's text instead. */
  readonly headerText?: string | Uint8Array;
  /** What becomes of the three members. */
  readonly body?: (jws: FlattenedJws) => unknown;
  readonly type: 'malformed' | 'badSignatureAlgorithm' | 'badNonce';
  readonly says: RegExp;
}

const malformed = 'malformed';
const algorithm = 'badSignatureAlgorithm';
const right = '"alg":"ES256","nonce":"bm9uY2U","url":"https://a.test/x","kid":"https://a.test/1"';

/** The last character of base64url holds bits that nothing reads: another spelling of the same octets. */
function respell(text: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const padded = text.length % 4 === 0 ? base64url(`${Buffer.from(text, 'base64url')} `) : text;
  const last = alphabet.indexOf(padded.slice(-1));
  return `${padded.slice(0, -1)}${alphabet[last + 1]}`;
}

/** Every row of A2, A3 and A4 that can be told from the octets alone. */
export const jwsDefects: readonly JwsDefect[] = [
  // A2: flattened, one signature, nothing unprotected, nothing detached.
  {
    defect: 'general serialization',
    body: ({ payload, ...one }) => ({ payload, signatures: [one] }),
    type: malformed,
    says: /protected/,
  },
  {
    defect: 'signatures beside signature',
    body: (jws) => ({ ...jws, signatures: [] }),
    type: malformed,
    says: /signatures/,
  },
  {
    defect: 'unprotected header',
    body: (jws) => ({ ...jws, header: { kid: 'x' } }),
    type: malformed,
    says: /header/,
  },
  {
    defect: 'empty unprotected header',
    body: (jws) => ({ ...jws, header: {} }),
    type: malformed,
    says: /header/,
  },
  {
    defect: 'an unknown member',
    body: (jws) => ({ ...jws, extra: '' }),
    type: malformed,
    says: /extra/,
  },
  {
    defect: '__proto__ as a member',
    body: (jws) => `{"__proto__":{},${JSON.stringify(jws).slice(1)}`,
    type: malformed,
    says: /__proto__/,
  },
  {
    defect: 'payload twice',
    body: (jws) => `{"payload":"e30",${JSON.stringify(jws).slice(1)}`,
    type: malformed,
    says: /"payload" twice/,
  },
  {
    defect: 'payload twice, once escaped',
    body: (jws) => `{"p\\u0061yload":"e30",${JSON.stringify(jws).slice(1)}`,
    type: malformed,
    says: /"payload" twice/,
  },
  {
    defect: 'compact serialization',
    body: (jws) => `${jws.protected}.${jws.payload}.${jws.signature}`,
    type: malformed,
    says: /JSON/,
  },
  {
    defect: 'compact serialization as text',
    body: (jws) => `"${jws.protected}.${jws.payload}.${jws.signature}"`,
    type: malformed,
    says: /object/,
  },
  { defect: 'an array of one', body: (jws) => [jws], type: malformed, says: /object/ },
  { defect: 'null', body: () => null, type: malformed, says: /object/ },
  { defect: 'nothing', body: () => '', type: malformed, says: /JSON/ },
  {
    defect: 'a byte order mark',
    body: (jws) => `\ufeff${JSON.stringify(jws)}`,
    type: malformed,
    says: /JSON/,
  },
  {
    defect: 'no UTF-8',
    body: () => Uint8Array.of(0x7b, 0xff, 0x7d),
    type: malformed,
    says: /UTF-8/,
  },
  {
    defect: 'deep nesting',
    body: (jws) => `{"x":${'['.repeat(40)}${']'.repeat(40)},${JSON.stringify(jws).slice(1)}`,
    type: malformed,
    says: /deeper/,
  },
  {
    defect: 'more octets than are read',
    body: (jws) => ({ ...jws, payload: 'A'.repeat(200_000) }),
    type: malformed,
    says: /larger/,
  },
  {
    defect: 'payload detached',
    body: (jws) => ({ ...jws, payload: undefined }),
    type: malformed,
    says: /payload/,
  },
  {
    defect: 'payload null',
    body: (jws) => ({ ...jws, payload: null }),
    type: malformed,
    says: /payload/,
  },
  {
    defect: 'payload not encoded',
    body: (jws) => ({ ...jws, payload: { contact: [] } }),
    type: malformed,
    says: /payload/,
  },
  {
    defect: 'payload padded',
    body: (jws) => ({ ...jws, payload: 'e30=' }),
    type: malformed,
    says: /payload/,
  },
  {
    defect: 'payload in base64',
    body: (jws) => ({ ...jws, payload: '+/+/' }),
    type: malformed,
    says: /payload/,
  },
  {
    defect: 'payload with a line break',
    body: (jws) => ({ ...jws, payload: 'e3\n0' }),
    type: malformed,
    says: /payload/,
  },
  {
    defect: 'payload of impossible length',
    body: (jws) => ({ ...jws, payload: 'e30ee' }),
    type: malformed,
    says: /payload/,
  },
  {
    defect: 'payload in another spelling',
    body: (jws) => ({ ...jws, payload: respell('e30') }),
    type: malformed,
    says: /payload/,
  },
  {
    defect: 'protected missing',
    body: (jws) => ({ ...jws, protected: undefined }),
    type: malformed,
    says: /protected/,
  },
  {
    defect: 'protected empty',
    body: (jws) => ({ ...jws, protected: '' }),
    type: malformed,
    says: /protected/,
  },
  {
    defect: 'protected padded',
    body: (jws) => ({ ...jws, protected: `${jws.protected}=` }),
    type: malformed,
    says: /protected/,
  },
  {
    defect: 'protected in another spelling',
    headerText: `{${right}} `,
    body: (jws) => ({ ...jws, protected: respell(jws.protected) }),
    type: malformed,
    says: /protected/,
  },
  { defect: 'protected a list', headerText: '[]', type: malformed, says: /object/ },
  { defect: 'protected no JSON', headerText: '{"alg"', type: malformed, says: /JSON/ },
  {
    defect: 'protected no UTF-8',
    headerText: Uint8Array.of(0x7b, 0xff, 0x7d),
    type: malformed,
    says: /UTF-8/,
  },
  {
    defect: 'alg twice, the harmless one last',
    headerText: `{"alg":"none",${right}}`,
    type: malformed,
    says: /"alg" twice/,
  },
  {
    defect: 'alg twice, once escaped',
    headerText: `{"\\u0061lg":"none",${right}}`,
    type: malformed,
    says: /"alg" twice/,
  },
  {
    defect: 'a member of an inner object twice',
    headerText: `{${right},"x":{"a":1,"a":2}}`,
    type: malformed,
    says: /"a" twice/,
  },
  {
    defect: 'signature missing',
    body: (jws) => ({ ...jws, signature: undefined }),
    type: malformed,
    says: /signature/,
  },
  {
    defect: 'signature empty',
    body: (jws) => ({ ...jws, signature: '' }),
    type: malformed,
    says: /signature/,
  },
  {
    defect: 'signature a number',
    body: (jws) => ({ ...jws, signature: 7 }),
    type: malformed,
    says: /signature/,
  },
  {
    defect: 'signature padded',
    body: (jws) => ({ ...jws, signature: `${jws.signature}==` }),
    type: malformed,
    says: /signature/,
  },
  {
    defect: 'signature in another spelling',
    body: (jws) => ({ ...jws, signature: respell(jws.signature) }),
    type: malformed,
    says: /signature/,
  },
  {
    defect: 'b64 false (RFC 7797)',
    header: { b64: false, crit: ['b64'] },
    type: malformed,
    says: /crit/,
  },
  { defect: 'b64 true', header: { b64: true }, type: malformed, says: /b64/ },
  {
    defect: 'a critical extension',
    header: { crit: ['exp'], exp: 1 },
    type: malformed,
    says: /crit/,
  },
  { defect: 'an empty crit', header: { crit: [] }, type: malformed, says: /crit/ },
  // A3: alg, nonce, url, one of jwk and kid.
  { defect: 'no alg', header: { alg: undefined }, type: malformed, says: /alg/ },
  { defect: 'alg a number', header: { alg: 256 }, type: malformed, says: /alg/ },
  { defect: 'alg empty', header: { alg: '' }, type: malformed, says: /alg/ },
  { defect: 'no nonce', header: { nonce: undefined }, type: 'badNonce', says: /nonce/ },
  { defect: 'nonce a number', header: { nonce: 7 }, type: malformed, says: /nonce/ },
  { defect: 'nonce null', header: { nonce: null }, type: malformed, says: /nonce/ },
  { defect: 'nonce empty', header: { nonce: '' }, type: malformed, says: /nonce/ },
  { defect: 'nonce no base64url', header: { nonce: 'a+b/' }, type: malformed, says: /nonce/ },
  { defect: 'nonce padded', header: { nonce: 'YQ==' }, type: malformed, says: /nonce/ },
  { defect: 'no url', header: { url: undefined }, type: malformed, says: /url/ },
  { defect: 'url a list', header: { url: ['https://a.test'] }, type: malformed, says: /url/ },
  { defect: 'url empty', header: { url: '' }, type: malformed, says: /url/ },
  {
    defect: 'neither jwk nor kid',
    header: { kid: undefined },
    type: malformed,
    says: /jwk and kid/,
  },
  {
    defect: 'both jwk and kid',
    header: { jwk: { kty: 'EC' } },
    type: malformed,
    says: /jwk and kid/,
  },
  { defect: 'kid empty', header: { kid: '' }, type: malformed, says: /kid/ },
  { defect: 'kid a number', header: { kid: 1 }, type: malformed, says: /kid/ },
  { defect: 'jwk a text', header: { kid: undefined, jwk: 'x' }, type: malformed, says: /jwk/ },
  { defect: 'jwk null', header: { kid: undefined, jwk: null }, type: malformed, says: /jwk/ },
  { defect: 'jwk a list', header: { kid: undefined, jwk: [] }, type: malformed, says: /jwk/ },
  // A4, I37: what never signs for an account.
  ...[
    'none',
    'None',
    'NONE',
    'HS256',
    'HS384',
    'HS512',
    'RS1',
    'RS384',
    'ES256K',
    'es256',
    ' ES256',
    'constructor',
  ].map(
    (alg): JwsDefect => ({
      defect: `alg ${alg}`,
      header: { alg },
      type: algorithm,
      says: /use one of/,
    }),
  ),
];
