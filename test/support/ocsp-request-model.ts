/** OCSP requests put together part by part, each right or wrong, with what a responder must answer. */
import fc from 'fast-check';
import { boolean, explicit, integer, octetString, oid, sequence } from '../../src/der/index.ts';
import { encodeGeneralName, oids, parseDistinguishedName } from '../../src/pkix/index.ts';
import type { TestIssuer } from './test-hierarchy.ts';
import { certIDOf } from './test-responder.ts';

/** An optional field: left out, there once, there without content, there twice. */
const presence = fc.oneof(
  { weight: 8, arbitrary: fc.constant('absent' as const) },
  { weight: 3, arbitrary: fc.constant('once' as const) },
  { weight: 1, arbitrary: fc.constant('empty' as const) },
  { weight: 1, arbitrary: fc.constant('twice' as const) },
);
type Presence = 'absent' | 'once' | 'empty' | 'twice';

const extensionList = fc.array(
  fc.record({
    oid: fc.constantFrom('1.2.3.4', '1.2.3.5', oids.ocspServiceLocator),
    critical: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, fc.constant(true)),
    value: fc.uint8Array({ maxLength: 8 }),
  }),
  { maxLength: 3 },
);
type ExtensionList = typeof extensionList extends fc.Arbitrary<infer T> ? T : never;

const single = fc.record({
  serial: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('issued' as const, 'never' as const) },
    fc.constantFrom('zero' as const, 'negative' as const, 'long' as const, 'padded' as const),
  ),
  issuer: fc.oneof(
    { weight: 12, arbitrary: fc.constant('served' as const) },
    fc.constantFrom('other' as const, 'unserved' as const),
  ),
  hash: fc.constantFrom('sha1', 'sha256', 'sha384', 'sha512'),
  hashForm: fc.oneof(
    { weight: 12, arbitrary: fc.constant('null' as const) },
    fc.constantFrom('absent' as const, 'unknown' as const),
  ),
  extensions: presence,
  extensionList,
});
type Single = typeof single extends fc.Arbitrary<infer T> ? T : never;

/** Recipes of requests: most fields right, some left out, empty, twice or wrong. */
export const requestRecipe = fc.record({
  version: fc.oneof({ weight: 8, arbitrary: presence }, fc.constant('v2' as const)),
  requestor: presence,
  singles: fc.array(single, { minLength: 0, maxLength: 4 }),
  extensions: presence,
  extensionList,
  nonce: fc.option(fc.nat({ max: 200 }), { freq: 4 }),
  signature: presence,
  certificates: presence,
  trailing: fc.oneof({ weight: 12, arbitrary: fc.constant(false) }, fc.constant(true)),
});
export type RequestRecipe = typeof requestRecipe extends fc.Arbitrary<infer T> ? T : never;

/** What a recipe's request is answered: an error's name, or the certStatus of each certID. */
export type Expected = 'malformedRequest' | 'unauthorized' | readonly ('good' | 'unknown')[];

/** Serial numbers and issuers that a recipe's words stand for. */
export interface RecipeWorld {
  readonly served: TestIssuer;
  readonly other: TestIssuer;
  readonly unserved: TestIssuer;
  /** Of `served`, good. */
  readonly issued: string;
}

export function expectedOf(recipe: RequestRecipe): Expected {
  const { singles } = recipe;
  if (!isWellFormed(recipe)) return 'malformedRequest';
  const issuers = new Set(singles.map(({ issuer }) => issuer));
  const known = singles.every(
    ({ hashForm, issuer }) => hashForm !== 'unknown' && issuer !== 'unserved',
  );
  if (!known || issuers.size > 1) return 'unauthorized';
  return singles.map(({ serial, issuer }) =>
    serial === 'issued' && issuer === 'served' ? 'good' : 'unknown',
  );
}

function isWellFormed(recipe: RequestRecipe): boolean {
  const { version, requestor, singles, extensions, signature, certificates, trailing } = recipe;
  const nonce = recipe.nonce ?? undefined;
  const list = nonce === undefined ? recipe.extensionList : [...recipe.extensionList, nonceRow];
  return (
    isThere(version) &&
    isThere(requestor) &&
    singles.length > 0 &&
    singles.every(
      (one) =>
        (one.serial === 'issued' || one.serial === 'never') &&
        areExtensions(one.extensions, one.extensionList),
    ) &&
    areExtensions(nonce === undefined ? extensions : 'once', list) &&
    (nonce === undefined || (nonce >= 1 && nonce <= 128)) &&
    isThere(signature) &&
    // `certs` may be an empty list: its ASN.1 has no SIZE.
    (signature === 'absent' || certificates !== 'twice') &&
    !trailing
  );
}

const nonceRow = { oid: oids.ocspNonce, critical: false };

function isThere(field: Presence | 'v2'): boolean {
  return field === 'absent' || field === 'once';
}

function areExtensions(
  field: Presence,
  list: readonly { readonly oid: string; readonly critical: boolean }[],
): boolean {
  if (field === 'absent') return true;
  const names = new Set(list.map((extension) => extension.oid));
  return (
    field === 'once' &&
    list.length > 0 &&
    names.size === list.length &&
    !list.some(({ critical }) => critical)
  );
}

export function requestOf(recipe: RequestRecipe, world: RecipeWorld): Uint8Array {
  const { version, requestor, singles, nonce, signature, certificates, trailing } = recipe;
  const name = parseDistinguishedName('CN=somebody');
  const list = recipe.extensionList.map(extensionOf);
  if (nonce !== null) {
    const value = octetString(new Uint8Array(nonce).fill(7));
    list.push(sequence(oid(oids.ocspNonce), octetString(value)));
  }
  const signed = sequence(
    sequence(oid(oids.ecdsaWithSHA256)),
    Buffer.from('0303000102', 'hex'),
    ...fields(certificates, 0, (empty) => (empty ? sequence() : sequence(sequence()))),
  );
  const request = sequence(
    sequence(
      ...(version === 'v2'
        ? [explicit(0, integer(1))]
        : fields(version, 0, (empty) => (empty ? new Uint8Array() : integer(0)))),
      ...fields(requestor, 1, (empty) =>
        empty ? new Uint8Array() : encodeGeneralName({ type: 'directoryName', name }),
      ),
      sequence(...singles.map((one) => singleOf(one, world))),
      ...fields(nonce === null ? recipe.extensions : 'once', 2, (empty) =>
        empty ? sequence() : sequence(...list),
      ),
    ),
    ...fields(signature, 0, (empty) => (empty ? sequence() : signed)),
  );
  return trailing ? Buffer.concat([request, Buffer.of(0)]) : request;
}

function fields(
  field: Presence,
  tag: number,
  content: (empty: boolean) => Uint8Array,
): readonly Uint8Array[] {
  switch (field) {
    case 'absent':
      return [];
    case 'once':
      return [explicit(tag, content(false))];
    case 'empty':
      return [explicit(tag, content(true))];
    case 'twice':
      return [explicit(tag, content(false)), explicit(tag, content(false))];
  }
}

function extensionOf({ oid: type, critical, value }: ExtensionList[number]): Uint8Array {
  return sequence(oid(type), ...(critical ? [boolean(true)] : []), octetString(value));
}

const hashHex = {
  sha1: '06052b0e03021a',
  sha256: '0609608648016503040201',
  sha384: '0609608648016503040202',
  sha512: '0609608648016503040203',
} as const;

const serialHex = {
  never: '0211550102030405060708090a0b0c0d0e0f10',
  zero: '020100',
  negative: '0201ff',
  long: `0215${'11'.repeat(21)}`,
  padded: '02020001',
} as const;

function singleOf(one: Single, world: RecipeWorld): Uint8Array {
  const hash = one.hash as keyof typeof hashHex;
  const { issuerNameHash, issuerKeyHash } = certIDOf(world[one.issuer], '01', hash);
  // 2.16.840.1.101.3.4.2.9 (SHA3-384) is no digest of certIDs here.
  const algorithm = one.hashForm === 'unknown' ? '0609608648016503040209' : hashHex[hash];
  const issued = Buffer.from(world.issued, 'hex');
  const serial =
    one.serial === 'issued'
      ? Buffer.concat([Buffer.of(2, issued.length), issued])
      : Buffer.from(serialHex[one.serial], 'hex');
  const certID = sequence(
    sequence(
      Buffer.from(algorithm, 'hex'),
      ...(one.hashForm === 'absent' ? [] : [Buffer.from('0500', 'hex')]),
    ),
    octetString(issuerNameHash),
    octetString(issuerKeyHash),
    serial,
  );
  return sequence(
    certID,
    ...fields(one.extensions, 0, (empty) =>
      empty ? sequence() : sequence(...one.extensionList.map(extensionOf)),
    ),
  );
}
