import { describe, expect, test } from 'vitest';
import {
  encodeBasicConstraints,
  encodeExtendedKeyUsage,
  encodeNameConstraints,
  findExtension,
  type GeneralName,
  type GeneralSubtree,
  oids,
  parseBasicConstraints,
  parseDistinguishedName,
  parseIpAddress,
  parseNameConstraints,
} from '../../../src/pkix/index.ts';
import { applyProfile, requestFromParameters } from '../../../src/policy/index.ts';
import {
  makeSoftwareIssuer,
  nextSerialNumber,
  productProfile,
  type SoftwareIssuer,
  softwareKey,
} from '../../support/software-issuer.ts';

const now = new Date('2026-11-21T12:00:00Z');

function leafUnder(
  issuer: SoftwareIssuer,
  names: readonly GeneralName[],
  profile = 'tls-client',
): readonly string[] {
  const result = applyProfile({
    profile: productProfile(profile),
    request: requestFromParameters({
      subjectPublicKeyInfo: softwareKey('p256').subjectPublicKeyInfo,
      subject: profile === 'tls-server' ? undefined : parseDistinguishedName('CN=someone'),
      names,
    }),
    issuer: issuer.input,
    now,
    serialNumber: nextSerialNumber(),
  });
  return result.ok ? [] : result.violations.map((violation) => violation.clause);
}

const pathLengthOf = (issuer: SoftwareIssuer): number | undefined => {
  const extension = findExtension(issuer.certificate.extensions, oids.basicConstraints);
  return extension === undefined
    ? undefined
    : parseBasicConstraints(extension.value).pathLenConstraint;
};
const dns = (value: string): GeneralName => ({ type: 'dNSName', value });

describe('path length (RFC 5280 §4.2.1.9)', () => {
  test('unbounded above means unbounded below, at any depth', () => {
    let issuer = makeSoftwareIssuer({ name: 'P0' });
    for (let depth = 1; depth <= 5; depth++)
      issuer = makeSoftwareIssuer({ name: `P${depth}`, parent: issuer });
    expect(pathLengthOf(issuer)).toBeUndefined();
    expect(leafUnder(issuer, [])).toEqual([]);
  });

  test('without a choice it is one less than above, down to zero, then no CA is issued', () => {
    const root = makeSoftwareIssuer({ name: 'Q0', caParameters: { pathLength: 2 } });
    const first = makeSoftwareIssuer({ name: 'Q1', parent: root });
    const second = makeSoftwareIssuer({ name: 'Q2', parent: first });
    expect([root, first, second].map(pathLengthOf)).toEqual([2, 1, 0]);
    expect(() => makeSoftwareIssuer({ name: 'Q3', parent: second })).toThrow(
      /path length 0: no CA may be issued/,
    );
    expect(leafUnder(second, [])).toEqual([]);
  });

  test('a greater one than the chain leaves is refused, a smaller granted', () => {
    const root = makeSoftwareIssuer({ name: 'R0', caParameters: { pathLength: 1 } });
    const choose = (pathLength: number) =>
      makeSoftwareIssuer({ name: 'R1', parent: root, caParameters: { pathLength } });
    expect(() => choose(1)).toThrow(/leave a path length of 0 at most/);
    expect(pathLengthOf(choose(0))).toBe(0);
    for (const bad of [-1, 0.5, 101]) expect(() => choose(bad)).toThrow(/whole number/);
  });

  test('a path length two levels up counts when the issuer itself has none', () => {
    const root = makeSoftwareIssuer({ name: 'S0', caParameters: { pathLength: 1 } });
    const first = makeSoftwareIssuer({ name: 'S1', parent: root });
    const unbounded = withExtension(first, encodeBasicConstraints({ cA: true }));
    expect(() => makeSoftwareIssuer({ name: 'S2', parent: unbounded })).toThrow(
      /path length 1: no CA/,
    );
    expect(leafUnder(unbounded, [])).toEqual([]);
  });
});

describe('the issuer must be one', () => {
  const issuer = makeSoftwareIssuer({ parent: makeSoftwareIssuer({ name: 'T0' }), name: 'T1' });

  test('not without cA', () => {
    const leaf = withExtension(issuer, encodeBasicConstraints({ cA: false }));
    expect(leafUnder(leaf, [])).toEqual(['RFC 5280 §4.2.1.9']);
  });

  test('not for purposes that a CA above is not limited to', () => {
    const limited = withExtension(issuer, encodeExtendedKeyUsage([oids.serverAuth]));
    expect(leafUnder(limited, [])).toEqual(['RFC 5280 §4.2.1.12']);
    expect(leafUnder(limited, [dns('a.example.org')], 'tls-server')).toEqual([]);
  });

  test('a root profile needs no issuer, every other needs one', () => {
    const request = requestFromParameters({
      subjectPublicKeyInfo: softwareKey('p384').subjectPublicKeyInfo,
      subject: parseDistinguishedName('CN=x'),
    });
    const common = { request, now, serialNumber: nextSerialNumber() };
    const asRoot = applyProfile({
      ...common,
      profile: productProfile('root-ca'),
      issuer: issuer.input,
    });
    expect(asRoot).toMatchObject({ ok: false, violations: [{ rule: 'issuer.selfSigned' }] });
    const { certificate: _certificate, ...unborn } = issuer.input;
    const below = applyProfile({
      ...common,
      profile: productProfile('issuing-ca'),
      issuer: { ...unborn, chain: [] },
    });
    expect(below).toMatchObject({ ok: false, violations: [{ rule: 'issuer.missing' }] });
  });

  test('CA parameters are refused for certificates that are no CA', () => {
    const result = applyProfile({
      profile: productProfile('tls-client'),
      request: requestFromParameters({
        subjectPublicKeyInfo: softwareKey('p256').subjectPublicKeyInfo,
        subject: parseDistinguishedName('CN=x'),
      }),
      issuer: issuer.input,
      now,
      serialNumber: nextSerialNumber(),
      caParameters: { pathLength: 0, permitDns: ['example.org'], excludeDns: [] },
    });
    expect(result).toMatchObject({
      ok: false,
      violations: [{ field: 'pathLength' }, { field: 'permitDns' }],
    });
  });
});

describe('T-NC: name constraints of the whole chain (RFC 5280 §4.2.1.10)', () => {
  const root = makeSoftwareIssuer({
    name: 'N0',
    caParameters: { permitDns: ['example.org'], excludeDns: ['secret.example.org'] },
  });
  const issuing = makeSoftwareIssuer({ name: 'N1', parent: root });
  const below = makeSoftwareIssuer({
    name: 'N2',
    parent: issuing,
    caParameters: { permitDns: ['a.example.org'] },
  });

  test('those chosen stand in the certificate, critical', () => {
    const extension = findExtension(root.certificate.extensions, oids.nameConstraints);
    expect(extension?.critical).toBe(true);
    expect(parseNameConstraints(extension?.value ?? new Uint8Array())).toEqual({
      permittedSubtrees: [{ base: dns('example.org') }],
      excludedSubtrees: [{ base: dns('secret.example.org') }],
    });
  });

  test.each<[string, SoftwareIssuer, string, boolean]>([
    ['within', issuing, 'b.example.org', true],
    ['the base itself', issuing, 'example.org', true],
    ['outside', issuing, 'example.net', false],
    ['a suffix without a dot', issuing, 'evilexample.org', false],
    ['excluded', issuing, 'x.secret.example.org', false],
    ['a wildcard over what is excluded', issuing, '*.secret.example.org', false],
    ['within all of a longer chain', below, 'x.a.example.org', true],
    ['within the upper, outside the lower', below, 'b.example.org', false],
    ['outside the upper (two levels up)', below, 'example.net', false],
  ])('%s', (_what, issuer, name, allowed) => {
    const clauses = leafUnder(issuer, [dns(name)], 'tls-server');
    if (allowed) expect(clauses).toEqual([]);
    else
      expect(clauses.every((clause) => clause.startsWith('RFC 5280')) && clauses.length > 0).toBe(
        true,
      );
  });

  test('a name that is no DNS name is refused as a constraint', () => {
    const make = (permitDns: string[]) =>
      makeSoftwareIssuer({ name: 'N3', caParameters: { permitDns } });
    for (const bad of ['*.example.org', 'exa mple', '192.0.2.1', '', 'bücher.example']) {
      expect(() => make([bad])).toThrow();
    }
    expect(() => make(['.example.org'])).not.toThrow();
  });

  const subtree = (base: GeneralName): GeneralSubtree => ({ base });
  const cidr = (address: string, mask: string): GeneralName => ({
    type: 'iPAddress',
    bytes: Uint8Array.from([...parseIpAddress(address), ...parseIpAddress(mask)]),
  });
  test.each<[string, GeneralSubtree, GeneralName, GeneralName]>([
    [
      'addresses',
      subtree(cidr('10.0.0.0', '255.0.0.0')),
      { type: 'iPAddress', bytes: parseIpAddress('10.1.1.1') },
      { type: 'iPAddress', bytes: parseIpAddress('11.1.1.1') },
    ],
    [
      'mail',
      subtree({ type: 'rfc822Name', value: 'example.org' }),
      { type: 'rfc822Name', value: 'ann@example.org' },
      { type: 'rfc822Name', value: 'ann@example.net' },
    ],
    [
      'URIs',
      subtree({ type: 'uniformResourceIdentifier', value: '.example.org' }),
      { type: 'uniformResourceIdentifier', value: 'https://a.example.org/' },
      { type: 'uniformResourceIdentifier', value: 'https://example.net/' },
    ],
  ])('%s of an issuer that was made elsewhere', (_what, constraint, inside, outside) => {
    const free = makeSoftwareIssuer({ name: 'N5', parent: makeSoftwareIssuer({ name: 'N4' }) });
    const permitting = withExtension(
      free,
      encodeNameConstraints({ permittedSubtrees: [constraint], excludedSubtrees: [] }),
    );
    expect(leafUnder(permitting, [inside])).toEqual([]);
    expect(leafUnder(permitting, [outside])).not.toEqual([]);
    const excluding = withExtension(
      free,
      encodeNameConstraints({ permittedSubtrees: [], excludedSubtrees: [constraint] }),
    );
    expect(leafUnder(excluding, [inside])).not.toEqual([]);
    expect(leafUnder(excluding, [outside])).toEqual([]);
  });
});

/** The issuer with one extension of its certificate replaced or added, as another CA might have made it. */
function withExtension(
  issuer: SoftwareIssuer,
  extension: { readonly oid: string; readonly critical: boolean; readonly value: Uint8Array },
): SoftwareIssuer {
  const others = issuer.certificate.extensions.filter(({ oid }) => oid !== extension.oid);
  const certificate = { ...issuer.certificate, extensions: [...others, extension] };
  const chain = [certificate, ...issuer.input.chain.slice(1)];
  return { ...issuer, certificate, input: { ...issuer.input, certificate, chain } };
}
