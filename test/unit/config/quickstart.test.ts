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
