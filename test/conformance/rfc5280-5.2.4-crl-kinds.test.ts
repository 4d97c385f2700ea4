/**
 * RFC 5280 §5.2.4 to §5.2.6 and X.509's expiredCertsOnCRL: how delta CRLs, the pointer to them, the
 * scope of a CRL and kept expired entries are encoded, as readers that we did not write see them.
 */
import type { IssuingDistributionPoint } from 'pkijs';
import { describe, expect, it } from 'vitest';
import { encodeRevokedCertificates, oids } from '../../src/pkix/index.ts';
import {
  crlIssuer,
  crlNow,
  extensionByPkijs,
  readByCerttool,
  readByOpenssl,
} from '../support/crl-issuer.ts';

const made = crlIssuer({ name: 'Issuing CA of 5.2.4' });
const deltaUrl = made.distributionPoint.replace('.crl', '-delta.crl');
const revocationDate = new Date(crlNow.getTime() - 3_600_000);
const baseCrlNumber = 1_795_000_000_000_000n;
const delta = { tbs: { baseCrlNumber }, known: { baseCrlNumber } };

describe('C11 §5.2.4: deltaCRLIndicator', () => {
  it('is critical, and BaseCRLNumber is the number of the complete CRL', async () => {
    const der = await made.publish(delta);
    const extension = extensionByPkijs(der, oids.deltaCRLIndicator);
    expect(extension?.critical).toBe(true);
    const content = Buffer.from(extension?.extnValue.valueBlock.valueHexView ?? []);
    expect(BigInt(`0x${content.subarray(2).toString('hex')}`)).toBe(baseCrlNumber);
    expect(readByOpenssl(der, made.issuer)).toContain('X509v3 Delta CRL Indicator: critical');
    expect(readByCerttool(der, made.issuer)).toContain('2.5.29.27');
  });

  it('C13: a delta may say removeFromCRL, a complete CRL never', async () => {
    const entries = [{ serialNumber: '7a', revocationDate, reasonCode: 'removeFromCRL' }] as const;
    const shown = readByOpenssl(await made.publish({ ...delta, entries }), made.issuer);
    expect(shown).toContain('Remove From CRL');
    await expect(made.publish({ entries })).rejects.toMatchObject({
      violations: [{ rule: 'crl-entry-remove-from-crl' }],
    });
  });

  it.each([
    ['of another base', { known: { baseCrlNumber: baseCrlNumber + 1n } }],
    ['where a complete CRL is due', { known: {} }],
    ['with a number that is not above its base', { crlNumber: baseCrlNumber }],
  ])('a delta %s is refused, and nothing is signed', async (_, change) => {
    const before = made.signatures();
    await expect(made.publish({ ...delta, ...change })).rejects.toMatchObject({
      violations: [{ rule: 'crl-delta-indicator' }],
    });
    expect(made.signatures()).toBe(before);
  });
});

describe('C14 §5.2.5: the scope flags', () => {
  it.each([
    ['endEntity', { onlyContainsUserCerts: true }, 'Only User Certificates'],
    ['ca', { onlyContainsCACerts: true }, 'Only CA Certificates'],
  ] as const)('of %s certificates are read by others', async (scope, flags, text) => {
    const fullName = [
      { type: 'uniformResourceIdentifier', value: made.distributionPoint },
    ] as const;
    const der = await made.publish({
      issuingDistributionPoint: { fullName, ...flags },
      known: { scope },
    });
    expect(readByOpenssl(der, made.issuer)).toContain(text);
    const value = extensionByPkijs(der, oids.issuingDistributionPoint)?.parsedValue as
      | IssuingDistributionPoint
      | undefined;
    expect(value).toMatchObject(flags);
    readByCerttool(der, made.issuer);
  });
});

describe('C16 §5.2.6: freshestCRL', () => {
  const content = { tbs: { freshestCrl: [deltaUrl] }, known: { freshestCrl: deltaUrl } };

  it('is not critical, and names the delta CRL', async () => {
    const der = await made.publish(content);
    expect(extensionByPkijs(der, oids.freshestCRL)?.critical).toBe(false);
    const shown = readByOpenssl(der, made.issuer);
    expect(shown).toContain('X509v3 Freshest CRL:');
    expect(shown).toContain(`URI:${deltaUrl}`);
    readByCerttool(der, made.issuer);
  });

  it('in a delta CRL is refused', async () => {
    await expect(
      made.publish({ tbs: { ...content.tbs, ...delta.tbs }, known: delta.known }),
    ).rejects.toThrow(/5\.2\.6/);
  });
});

describe('X.509: expiredCertsOnCRL', () => {
  const expiredCertsOnCrl = new Date('2025-06-01T00:00:00Z');

  it('is a GeneralizedTime, not critical, and no reader stumbles over it', async () => {
    const der = await made.publish({ tbs: { expiredCertsOnCrl }, known: { expiredCertsOnCrl } });
    const extension = extensionByPkijs(der, oids.expiredCertsOnCRL);
    expect(extension?.critical).toBe(false);
    const content = Buffer.from(extension?.extnValue.valueBlock.valueHexView ?? []);
    expect(content.toString('latin1', 2)).toBe('20250601000000Z');
    expect(content[0]).toBe(0x18);
    readByOpenssl(der, made.issuer);
    readByCerttool(der, made.issuer);
  });

  it('where expired entries are not kept is refused', async () => {
    await expect(made.publish({ tbs: { expiredCertsOnCrl } })).rejects.toMatchObject({
      violations: [{ rule: 'crl-expired-certs' }],
    });
  });
});

it('serial numbers ascend: a list out of order is refused before it is signed', async () => {
  const before = made.signatures();
  const entries = ['7b', '7a'].map((serialNumber) => ({ serialNumber, revocationDate }));
  expect(encodeRevokedCertificates(entries).length).toBeGreaterThan(0);
  await expect(made.publish({ entries })).rejects.toMatchObject({
    violations: [{ rule: 'crl-entry-unique' }],
  });
  expect(made.signatures()).toBe(before);
});
