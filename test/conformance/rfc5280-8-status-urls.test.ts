/** RFC 5280 §8: status is fetched over plain http, or it would need itself (C26); how often CRLs come (C25, CA/B BR 4.9.7). */
import { describe, expect, it } from 'vitest';
import { renewalOf } from '../../src/authority/crl-plan.ts';
import { loadConfiguration } from '../../src/config/index.ts';
import { prepareCertificate } from '../../src/issuance/index.ts';
import {
  encodeAuthorityInfoAccess,
  encodeCRLDistributionPoints,
  importVerificationKey,
  oids,
} from '../../src/pkix/index.ts';
import { decide, decidingIssuer, dnsName, subjectAltName } from '../support/decision.ts';

const configured = (environment: Readonly<Record<string, string>>) =>
  loadConfiguration({
    CHANCERY_CONFIG: '/dev/null',
    CHANCERY_DATABASE_URL: 'postgresql://app@localhost/chancery',
    ...environment,
  });

describe('C26: no https or ldap URL stands where this CRL or OCSP answer would be needed to fetch it', () => {
  const { input, certificate } = decidingIssuer;
  const { urls } = input;

  /** Prepares a certificate whose CRL and OCSP are fetched from there. */
  function prepare(crl: string, ocsp: string): unknown {
    const decided = decide('tls-server', '', [subjectAltName(dnsName('a.example.test'))]);
    if (!decided.ok) throw new Error(decided.violations[0]?.message);
    const others = decided.tbs.extensions.filter(
      ({ oid }) => oid !== oids.cRLDistributionPoints && oid !== oids.authorityInfoAccess,
    );
    return prepareCertificate({
      tbs: {
        ...decided.tbs,
        extensions: [
          ...others,
          encodeCRLDistributionPoints([crl]),
          encodeAuthorityInfoAccess({ ocsp: [ocsp], caIssuers: [urls.caIssuers] }),
        ],
      },
      issuer: {
        issuerId: input.issuerId,
        certificate,
        keyId: input.issuerId,
        signatureAlgorithm: input.signatureAlgorithm,
        publicKey: importVerificationKey(certificate.subjectPublicKeyInfo),
      },
      type: 'endEntity',
      profile: { name: 'tls-server' },
      urls: { crl, ocsp, caIssuers: urls.caIssuers },
    });
  }

  it('plain http passes', () => {
    expect(prepare(urls.crl, urls.ocsp)).toBeDefined();
  });

  it.each([
    ['https://pki.example.test/crl/0.crl', urls.ocsp, 'crl-distribution-points-uri'],
    ['ldap://pki.example.test/cn=CA', urls.ocsp, 'crl-distribution-points-uri'],
    [urls.crl, 'https://pki.example.test/', 'authority-information-access-uri'],
  ])('%s and %s are refused before the signature', (crl, ocsp, rule) => {
    expect(() => prepare(crl, ocsp)).toThrow(
      expect.objectContaining({
        code: 'lintFailed',
        violations: [expect.objectContaining({ rule })],
      }),
    );
  });

  it.each(['CHANCERY_HTTP_URL', 'CHANCERY_OCSP_URL'])(
    '%s with https is a wrong configuration: the start says so, not the first issuance',
    (variable) => {
      expect(() => configured({ [variable]: 'https://pki.example.test/' })).toThrow(/plain http/);
      expect(configured({ [variable]: 'http://pki.example.test/' })).toBeDefined();
    },
  );
});

describe('C25: CRLs come more often than the Baseline Requirements ask', () => {
  it('by default a CRL is valid for a day, ten are allowed, and renewed within half a day', () => {
    const { crlLifetimeSeconds } = configured({});
    expect(crlLifetimeSeconds).toBeLessThanOrEqual(10 * 86_400);
    const thisUpdate = new Date('2027-01-01T00:00:00Z');
    const nextUpdate = new Date(thisUpdate.getTime() + crlLifetimeSeconds * 1000);
    for (let shard = 0; shard < 128; shard += 1) {
      const waited = renewalOf({ thisUpdate, nextUpdate }, shard).getTime() - thisUpdate.getTime();
      expect(waited).toBeLessThanOrEqual(86_400_000 / 2);
    }
  });
});
