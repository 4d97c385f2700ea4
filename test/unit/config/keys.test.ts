import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfiguration } from '../../../src/config/index.ts';

function load(yaml: string) {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-keys-'));
  const file = join(folder, 'chancery.yaml');
  writeFileSync(file, `database: {url: 'postgresql://chancery@localhost/chancery'}\n${yaml}`);
  return loadConfiguration({ CHANCERY_CONFIG: file, CHANCERY_DATA: folder }).keys;
}

describe('the life of keys', () => {
  test('periods by type, in seconds', () => {
    const { cryptoperiods } = load(
      'keys: {cryptoperiods: {ca: {originatorUsage: 1095d, signatureLimit: 1000000}}}',
    );
    expect(cryptoperiods).toEqual({
      ca: { originatorUsageSeconds: 1095 * 86_400, signatureLimit: 1_000_000 },
    });
  });

  test('OCSP and TLS keys beyond a year need a written reason', () => {
    for (const type of ['ocspResponder', 'httpsServer']) {
      const period = (more: string): string =>
        `keys: {cryptoperiods: {${type}: {originatorUsage: 400d${more}}}}`;
      expect(() => load(period(''))).toThrow('unless a reason is written');
      expect(load(period(', reason: rotated in the yearly ceremony')).cryptoperiods[type]).toEqual({
        originatorUsageSeconds: 400 * 86_400,
        reason: 'rotated in the yearly ceremony',
      });
    }
    expect(() => load('keys: {cryptoperiods: {cas: {originatorUsage: 1d}}}')).toThrow('cas');
  });

  test('requireValidatedModule refuses SoftHSM and tokens without a certificate at start-up', () => {
    expect(() => load('keys: {requireValidatedModule: true}')).toThrow('is SoftHSM');
    const modules = (more: string): string =>
      `keys: {requireValidatedModule: true}\ntokens:\n  root: {module: /opt/hsm.so${more}}\n  issuing: {module: /opt/hsm.so${more}}`;
    expect(() => load(modules(''))).toThrow('has no CMVP certificate');
    expect(() => load(modules(", validation: {certificate: '4321'}"))).toThrow('both');
    expect(load(modules(", validation: {certificate: '4321', level: 3}"))).toMatchObject({
      requireValidatedModule: true,
      validations: { root: { certificate: '4321', level: 3 } },
    });
  });
});
