/** RFC 9608 §3, §4: noRevAvail stands alone, in short-lived end-entity certificates only. */
import { expect, test } from 'vitest';
import {
  findExtension,
  oids,
  parseAuthorityInfoAccess,
  parseBasicConstraints,
  parseNoRevAvail,
} from '../../src/pkix/index.ts';
import { decide, dnsName, subjectAltName } from '../support/decision.ts';

const names = [subjectAltName(dnsName('a.example.org'))];

function extensionsOf(profile: string) {
  const result = decide(profile, '', names);
  if (!result.ok) throw new Error(JSON.stringify(result.violations));
  return result.tbs.extensions;
}

test('short-lived certificates say so, not critical, and point to no CRL and no OCSP', () => {
  const extensions = extensionsOf('short-lived');
  const extension = findExtension(extensions, oids.noRevAvail);
  expect(extension?.critical).toBe(false);
  expect(parseNoRevAvail(extension?.value ?? new Uint8Array())).toBe(true);
  expect(findExtension(extensions, oids.cRLDistributionPoints)).toBeUndefined();
  expect(findExtension(extensions, oids.freshestCRL)).toBeUndefined();
  const access = findExtension(extensions, oids.authorityInfoAccess);
  expect(parseAuthorityInfoAccess(access?.value ?? new Uint8Array()).ocsp).toEqual([]);
  const constraints = findExtension(extensions, oids.basicConstraints);
  expect(parseBasicConstraints(constraints?.value ?? new Uint8Array()).cA).toBe(false);
});

test('no other certificate has it: its status is there to be asked for', () => {
  const extensions = extensionsOf('tls-server');
  expect(findExtension(extensions, oids.noRevAvail)).toBeUndefined();
  expect(findExtension(extensions, oids.cRLDistributionPoints)).toBeDefined();
  expect(findExtension(extensions, oids.authorityInfoAccess)).toBeDefined();
});
