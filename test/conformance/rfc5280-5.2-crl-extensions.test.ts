/** RFC 5280 §5.2: the extensions of every CRL, as readers that we did not write see them. */
import { AuthorityKeyIdentifier, type IssuingDistributionPoint } from 'pkijs';
import { describe, expect, it } from 'vitest';
import {
  findExtension,
  keyIdentifier,
  oids,
  parseCRLDistributionPoints,
  parseSubjectKeyIdentifier,
} from '../../src/pkix/index.ts';
import {
  crlIssuer,
  crlNow,
  extensionByPkijs,
  readByCerttool,
  readByOpenssl,
  readByPkijs,
} from '../support/crl-issuer.ts';

const root = crlIssuer({ name: 'Root of 5.2' });
const made = crlIssuer({ name: 'Issuing CA of 5.2', parent: root.issuer });
const uri = (value: string) => ({ type: 'uniformResourceIdentifier', value }) as const;

describe('C8 §5.2.1: authorityKeyIdentifier', () => {
  it.each([['a root', root] as const, ['an issuing CA', made] as const])(
    'of %s is its subjectKeyIdentifier, in keyIdentifier form alone, not critical',
    async (_, { issuer, publish }) => {
      const extension = extensionByPkijs(await publish(), oids.authorityKeyIdentifier);
      const value = extension?.parsedValue as unknown;
      if (!(value instanceof AuthorityKeyIdentifier)) throw new Error('no authorityKeyIdentifier');
      const subjectKey = findExtension(issuer.certificate.extensions, oids.subjectKeyIdentifier);
      expect(Buffer.from(value.keyIdentifier?.valueBlock.valueHexView ?? [])).toEqual(
        Buffer.from(parseSubjectKeyIdentifier(subjectKey?.value ?? new Uint8Array())),
      );
      expect(value.authorityCertIssuer).toBeUndefined();
      expect(value.authorityCertSerialNumber).toBeUndefined();
      expect(extension?.critical).toBe(false);
    },
  );

  it('of another key is refused', async () => {
    const other = keyIdentifier(root.issuer.certificate.subjectPublicKeyInfo);
    await expect(made.publish({ tbs: { authorityKeyIdentifier: other } })).rejects.toMatchObject({
      code: 'lintFailed',
      violations: [{ rule: 'crl-authority-key-identifier' }],
    });
  });
});

describe('C9, C10 §5.2.3: cRLNumber', () => {
  it('is there, not critical, and read alike', async () => {
    const der = await made.publish({ crlNumber: 1_795_262_400_000_000n });
    expect(extensionByPkijs(der, oids.crlNumber)?.critical).toBe(false);
    expect(readByOpenssl(der, made.issuer)).toMatch(/X509v3 CRL Number: *\n *1795262400000000\n/);
    expect(readByCerttool(der, made.issuer)).toContain('CRL Number (not critical): 0660c819a17000');
  });

  it.each([0n, 127n, 128n, 2n ** 64n, 2n ** 159n - 1n])(
    '%d is encoded minimally',
    async (crlNumber) => {
      const der = await made.publish({ crlNumber });
      const shown = /X509v3 CRL Number: *\n *(\S+)\n/.exec(readByOpenssl(der, made.issuer))?.[1];
      expect(BigInt(shown ?? '-1')).toBe(crlNumber);
    },
  );

  it('of more than 20 octets is refused', async () => {
    await expect(made.publish({ crlNumber: 2n ** 160n })).rejects.toThrow();
  });

  it.each([
    ['the same number again', 7n],
    ['a smaller number', 6n],
  ])('%s at a later thisUpdate is refused: nothing is signed', async (_, crlNumber) => {
    const before = made.signatures();
    const previous = { crlNumber: 7n, thisUpdate: new Date(crlNow.getTime() - 60_000) };
    await expect(made.publish({ crlNumber, previous })).rejects.toMatchObject({
      violations: [{ rule: 'crl-number-increases' }],
    });
    expect(made.signatures()).toBe(before);
  });

  it('a greater number at an earlier thisUpdate is refused', async () => {
    const previous = { crlNumber: 7n, thisUpdate: new Date(crlNow.getTime() + 1000) };
    await expect(made.publish({ crlNumber: 8n, previous })).rejects.toMatchObject({
      violations: [{ rule: 'crl-number-increases' }],
    });
  });
});

describe('C14 §5.2.5: issuingDistributionPoint', () => {
  it('is critical and not empty, and says no scope narrower than the issuer', async () => {
    const der = await made.publish();
    const extension = extensionByPkijs(der, oids.issuingDistributionPoint);
    expect(extension?.critical).toBe(true);
    const value = extension?.parsedValue as IssuingDistributionPoint | undefined;
    expect(value?.distributionPoint).toBeDefined();
    expect(value?.onlyContainsUserCerts).toBe(false);
    expect(value?.onlyContainsCACerts).toBe(false);
    expect(value?.onlyContainsAttributeCerts).toBe(false);
    expect(value?.indirectCRL).toBe(false);
    expect(value?.onlySomeReasons).toBeUndefined();
    expect(readByOpenssl(der, made.issuer)).toContain(
      'X509v3 Issuing Distribution Point: critical',
    );
  });

  it.each([
    ['an indirect CRL', { indirectCRL: true }],
    ['attribute certificates', { onlyContainsAttributeCerts: true }],
  ])('%s is refused', async (_, flag) => {
    const fullName = [uri(made.distributionPoint)];
    await expect(
      made.publish({ issuingDistributionPoint: { fullName, ...flag } }),
    ).rejects.toMatchObject({ violations: [{ rule: 'crl-scope' }] });
  });

  it('users and CAs at once are refused', async () => {
    const fullName = [uri(made.distributionPoint)];
    const both = { fullName, onlyContainsUserCerts: true, onlyContainsCACerts: true };
    await expect(made.publish({ issuingDistributionPoint: both })).rejects.toThrow();
  });
});

describe('C15 §5.2.5, §4.2.1.13: the name of the distribution point', () => {
  it('is, octet for octet, the URI in the certificates of that issuer', async () => {
    // What the root issued: the issuing CA's certificate points to the root's CRL.
    const points = findExtension(made.issuer.certificate.extensions, oids.cRLDistributionPoints);
    const [inCertificate] = parseCRLDistributionPoints(points?.value ?? new Uint8Array());
    const extension = extensionByPkijs(await root.publish(), oids.issuingDistributionPoint);
    const value = extension?.parsedValue as IssuingDistributionPoint | undefined;
    expect(value?.distributionPoint).toMatchObject([{ type: 6, value: inCertificate }]);
    expect(inCertificate).toBe(root.distributionPoint);
  });

  it.each([
    ['another host', 'http://elsewhere/crl.crl'],
    ['the host in capitals', 'HTTP://PKI.EXAMPLE.TEST/crl/17/0.crl'],
  ])('%s is refused', async (_, other) => {
    await expect(
      made.publish({ issuingDistributionPoint: { fullName: [uri(other)] } }),
    ).rejects.toMatchObject({ violations: [{ rule: 'crl-issuing-distribution-point-matches' }] });
  });

  it('absent is refused', async () => {
    await expect(
      made.publish({ tbs: { issuingDistributionPoint: undefined } }),
    ).rejects.toMatchObject({ violations: [{ rule: 'crl-issuing-distribution-point-present' }] });
  });
});

describe('C16 §5.2.4, §5.2.6: complete CRLs only', () => {
  it('there is no deltaCRLIndicator, no freshestCRL, and nothing else', async () => {
    const list = readByPkijs(await made.publish());
    expect(list.crlExtensions?.extensions.map((extension) => extension.extnID).sort()).toEqual(
      [oids.authorityKeyIdentifier, oids.crlNumber, oids.issuingDistributionPoint].sort(),
    );
  });
});
