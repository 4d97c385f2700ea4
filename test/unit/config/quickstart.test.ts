import { expect, test } from 'vitest';
import { loadQuickstartConfiguration } from '../../../src/config/index.ts';

const owner = { CHANCERY_DATABASE_OWNER_URL: 'postgresql://owner@db.example/chancery' };
const others = {
  CHANCERY_DATABASE_URL: 'postgresql://app@db.example/chancery',
  CHANCERY_OCSP_DATABASE_URL: 'postgresql://ocsp@db.example/chancery',
};
const data = { CHANCERY_DATA: '/nonexistent/chancery' };

test('without database URLs the embedded database is used', () => {
  expect(loadQuickstartConfiguration(data)).toMatchObject({
    dataFolder: '/nonexistent/chancery',
    hasExternalDatabase: false,
    httpsPort: 8443,
    httpPort: 8080,
    ocspPort: 8081,
    acmeAllowLoopback: undefined,
    acmeHttp01Port: 80,
    httpsUrl: 'https://localhost:8443',
  });
});

test('with all three URLs it is not', () => {
  const { hasExternalDatabase } = loadQuickstartConfiguration({ ...data, ...owner, ...others });
  expect(hasExternalDatabase).toBe(true);
});

test('a missing URL of the three is named', () => {
  expect(() => loadQuickstartConfiguration({ ...data, ...others })).toThrow(
    /^CHANCERY_DATABASE_OWNER_URL missing: /,
  );
});

test('the responder beside the CA enrols by loopback, whatever host name certificates carry', () => {
  const named = { ...data, CHANCERY_HOST: 'pki.example.com' };
  expect(loadQuickstartConfiguration(named).authorityUrl).toBe('https://localhost:8443');
  expect(loadQuickstartConfiguration({ ...named, CHANCERY_LISTEN: '0.0.0.0' }).authorityUrl).toBe(
    'https://localhost:8443',
  );
  expect(
    loadQuickstartConfiguration({ ...named, CHANCERY_LISTEN: '192.0.2.1' }).authorityUrl,
  ).toBeUndefined();
  expect(
    loadQuickstartConfiguration({ ...named, CHANCERY_OCSP_AUTHORITY_URL: 'https://ca.example.com' })
      .authorityUrl,
  ).toBe('https://ca.example.com');
});
