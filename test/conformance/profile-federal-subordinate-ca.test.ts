/**
 * RFC 5280 §4.2.1.4, §4.2.1.5, §4.2.1.10, §4.2.1.11, §4.2.1.14, §4.2.2.2: CA certificates of a
 * policy domain, as the Federal PKI has them, made by the product's own profiles.
 */
import { afterAll, describe, expect, test } from 'vitest';
import { lintCertificate } from '../../src/lint/index.ts';
import {
  type Certificate,
  findExtension,
  formatGeneralName,
  oids,
  parseCertificatePolicies,
  parseInhibitAnyPolicy,
  parseNameConstraints,
  parsePolicyConstraints,
  parsePolicyMappings,
  parseSubjectInfoAccess,
  validatePath,
} from '../../src/pkix/index.ts';
import { applyProfile, type CaParameters, requestFromCsr } from '../../src/policy/index.ts';
import { runCommand, scratchFolder } from '../support/openssl.ts';
import {
  makeRequest,
  makeSoftwareIssuer,
  nextSerialNumber,
  productProfile,
  type SoftwareIssuer,
  signTbsCertificate,
  softwareKey,
} from '../support/software-issuer.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const medium = '2.16.840.1.101.3.2.1.3.3';
const theirs = '1.3.6.1.4.1.32473.1.1';
const repository = 'http://repository.example.test/issued.p7c';
const root = makeSoftwareIssuer({ name: 'Policy Root' });

function make(caParameters: CaParameters, profile = 'federal-subordinate-ca'): SoftwareIssuer {
  return makeSoftwareIssuer({
    name: `Agency ${profile}`,
    parent: root,
    profile,
    algorithm: 'p384',
    caParameters,
  });
}
const needed: CaParameters = { policies: [medium], caRepository: [repository] };
const extension = (certificate: Certificate, id: string) => {
  const found = findExtension(certificate.extensions, id);
  if (found === undefined) throw new Error(`no extension ${id}`);
  return found;
};
const lint = ({ certificate }: SoftwareIssuer) =>
  lintCertificate(certificate.tbsDer, {
    type: 'ca',
    issuer: root.certificate,
    profile: { name: 'ca', maxValiditySeconds: 3653 * 86_400 },
    urls: root.input.urls,
  });
const openssl = ({ certificate }: SoftwareIssuer): string =>
  runCommand('openssl', ['x509', '-noout', '-text', '-in', scratch.pem('c.pem', [certificate])])
    .output;

describe('federal-subordinate-ca', () => {
  const { certificate } = make(needed);

  test.each([
    ['policyConstraints', oids.policyConstraints, true],
    ['inhibitAnyPolicy', oids.inhibitAnyPolicy, true],
    ['certificatePolicies', oids.certificatePolicies, false],
    ['subjectInfoAccess', oids.subjectInfoAccess, false],
  ])('%s stands there with the criticality of its clause', (_name, id, critical) => {
    expect(extension(certificate, id).critical).toBe(critical);
  });

  test('asserts its policies by name and asks for explicit ones at once', () => {
    const value = (id: string): Uint8Array => extension(certificate, id).value;
    expect(
      parseCertificatePolicies(value(oids.certificatePolicies)).map((one) => one.policyIdentifier),
    ).toEqual([medium]);
    expect(parsePolicyConstraints(value(oids.policyConstraints))).toEqual({
      requireExplicitPolicy: 0,
      inhibitPolicyMapping: 0,
    });
    expect(parseInhibitAnyPolicy(value(oids.inhibitAnyPolicy))).toBe(0);
    expect(parseSubjectInfoAccess(value(oids.subjectInfoAccess))).toEqual({
      caRepository: [repository],
    });
  });

  test('passes every lint, and openssl reads what was meant', () => {
    const issuer = make(needed);
    expect(lint(issuer)).toEqual([]);
    const text = openssl(issuer);
    expect(text).toMatch(
      /Policy Constraints: critical\s+Require Explicit Policy:0, Inhibit Policy Mapping:0/,
    );
    expect(text).toMatch(/Inhibit Any Policy: critical\s+0/);
    expect(text).toMatch(/Subject Information Access:\s+CA Repository - URI:http:\/\/repository/);
  });

  test.each<[string, CaParameters, string]>([
    ['no policy', { caRepository: [repository] }, 'needs certificatePolicies'],
    ['no repository', { policies: [medium] }, 'needs subjectInfoAccess'],
    ['a policy twice', { ...needed, policies: [medium, medium] }, 'stands twice'],
    ['a policy that is no OID', { ...needed, policies: ['medium'] }, 'object identifier'],
    [
      'mappings',
      { ...needed, policyMappings: [{ issuerDomainPolicy: medium, subjectDomainPolicy: theirs }] },
      'decides policyMappings itself',
    ],
    ['a negative number', { ...needed, inhibitAnyPolicy: -1 }, 'from 0 to 100'],
    [
      'a repository without a host',
      { ...needed, caRepository: ['file:///x'] },
      'http, https or ldap',
    ],
  ])('refuses %s', (_what, parameters, message) => {
    expect(() => make(parameters)).toThrow(message);
  });
});

describe('what stands below', () => {
  const below = (policies: readonly string[]) => () =>
    makeSoftwareIssuer({
      name: 'Below the agency',
      parent: make(needed),
      profile: 'cross-certificate',
      caParameters: { policies },
    });

  test('asserts a policy of the domain by name', () => {
    expect(below([medium])).not.toThrow();
    expect(below([theirs])).toThrow('ask for a policy that they assert');
    expect(below([])).toThrow('would assert none');
    // inhibitAnyPolicy 0.
    expect(below([oids.anyPolicy])).toThrow('no relying party would take it');
  });

  test('an OCSP delegate asserts what its issuer asserts, in the words of those below', () => {
    const key = softwareKey('p256', 'a delegate');
    const delegateOf = (issuer: SoftwareIssuer): Certificate => {
      const result = applyProfile({
        ...{ profile: productProfile('ocsp-signing'), issuer: issuer.input },
        ...{ now: new Date('2027-01-15T08:00:00Z'), serialNumber: nextSerialNumber() },
        request: requestFromCsr(makeRequest(key, ''), {}),
      });
      if (!result.ok) throw new Error(result.violations.map(({ message }) => message).join());
      return signTbsCertificate(result.tbs, issuer.key.privateKey);
    };
    const policiesOf = (issuer: SoftwareIssuer) => {
      const found = findExtension(delegateOf(issuer).extensions, oids.certificatePolicies);
      return found && parseCertificatePolicies(found.value).map((one) => one.policyIdentifier);
    };
    const agency = make(needed);
    expect(policiesOf(agency)).toEqual([medium]);
    expect(validatePath([delegateOf(agency), ...agency.input.chain]).violations).toEqual([]);
    const mapped = make(
      {
        ...{ policies: [medium], requireExplicitPolicy: 0 },
        policyMappings: [{ issuerDomainPolicy: medium, subjectDomainPolicy: theirs }],
      },
      'cross-certificate',
    );
    expect(policiesOf(mapped)).toEqual([theirs]);
    expect(validatePath([delegateOf(mapped), ...mapped.input.chain])).toMatchObject({
      ...{ violations: [], policies: [medium] },
    });
    // Nobody asks for one: nothing is said.
    expect(policiesOf(makeSoftwareIssuer({ parent: root }))).toBeUndefined();
  });

  test('is judged by openssl as before it was issued', () => {
    const agency = make(needed);
    const issuing = makeSoftwareIssuer({
      name: 'Judged below',
      parent: agency,
      profile: 'cross-certificate',
      caParameters: { policies: [medium] },
    });
    const verified = runCommand('openssl', [
      ...['verify', '-policy_check', '-policy', oids.anyPolicy, '-CAfile'],
      ...[scratch.pem('root.pem', [root.certificate]), '-untrusted'],
      ...[scratch.pem('agency.pem', [agency.certificate]), '-attime', '1800000000'],
      scratch.pem('judged.pem', [issuing.certificate]),
    ]);
    expect(verified).toMatchObject({ status: 0 });
  });
});

describe('cross-certificate', () => {
  const crossing: CaParameters = {
    policies: [medium],
    policyMappings: [{ issuerDomainPolicy: medium, subjectDomainPolicy: theirs }],
    requireExplicitPolicy: 0,
    inhibitPolicyMapping: 1,
    inhibitAnyPolicy: 0,
    pathLength: 1,
    caRepository: [repository],
    permitDns: ['partner.test'],
    excludeDns: ['internal.partner.test'],
    permitIp: ['192.0.2.0/24', '2001:db8::/32'],
    excludeIp: ['192.0.2.128/25'],
    permitEmail: ['partner.test', '.partner.test', 'ann@example.test'],
    permitUri: ['.partner.test'],
    permitDirectory: ['O=Partner,C=US'],
    permitUpn: ['partner.test'],
  };

  test('maps, constrains and names, and passes every lint', () => {
    const issuer = make(crossing, 'cross-certificate');
    expect(lint(issuer)).toEqual([]);
    const mappings = extension(issuer.certificate, oids.policyMappings);
    expect(mappings.critical).toBe(true);
    expect(parsePolicyMappings(mappings.value)).toEqual(crossing.policyMappings);
    const text = openssl(issuer);
    expect(text).toMatch(/Policy Mappings: critical\s+2.16.840.1.101.3.2.1.3.3:1.3.6.1.4.1.32473/);
    expect(text).toContain('IP:192.0.2.0/255.255.255.0');
    expect(text).toContain('email:.partner.test');
    expect(text).toMatch(/DirName: ?C ?= ?US, O ?= ?Partner/);
  });

  test('subtrees of every form are written as RFC 5280 §4.2.1.10 asks', () => {
    const { certificate } = make(crossing, 'cross-certificate');
    const constraints = parseNameConstraints(extension(certificate, oids.nameConstraints).value);
    expect(constraints.permittedSubtrees.map(({ base }) => formatGeneralName(base))).toEqual([
      'DNS:partner.test',
      'IP:192.0.2.0/24',
      'IP:2001:db8::/32',
      'email:partner.test',
      'email:.partner.test',
      'email:ann@example.test',
      'URI:.partner.test',
      'dirName:"O=Partner,C=US"',
      `otherName:1.3.6.1.4.1.311.20.2.3:0c0d${Buffer.from('@partner.test').toString('hex')}`,
    ]);
    expect(constraints.excludedSubtrees.map(({ base }) => formatGeneralName(base))).toEqual([
      'DNS:internal.partner.test',
      'IP:192.0.2.128/25',
    ]);
  });

  test.each<[string, CaParameters, string]>([
    ['an address with bits beyond its prefix', { permitIp: ['192.0.2.1/24'] }, 'beyond the prefix'],
    ['a prefix that is too long', { permitIp: ['192.0.2.0/33'] }, 'prefix length'],
    ['an address that is none', { permitIp: ['example.test'] }, 'not an IP address'],
    ['a mailbox that is none', { permitEmail: ['a b@example.test'] }, '@'],
    ['a URI in place of its host', { permitUri: ['https://example.test/'] }, ''],
    ['a directory name that is none', { permitDirectory: ['Partner'] }, 'distinguished name'],
    [
      'a mapping to anyPolicy',
      {
        policies: [medium],
        policyMappings: [{ issuerDomainPolicy: medium, subjectDomainPolicy: oids.anyPolicy }],
      },
      'anyPolicy',
    ],
    [
      'a mapping of a policy that is not asserted',
      {
        policies: [theirs],
        policyMappings: [{ issuerDomainPolicy: medium, subjectDomainPolicy: theirs }],
      },
      'also stand in certificatePolicies',
    ],
  ])('refuses %s', (_what, parameters, message) => {
    expect(() => make(parameters, 'cross-certificate')).toThrow(message);
  });
});
