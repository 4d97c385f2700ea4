/** T-PRUNE-1 (Vault CVE-2021-29653): whatever the clock does between CRLs, no revoked certificate leaves too early. */
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseCertificateList } from '../../src/pkix/index.ts';
import { admin, testAuthority } from '../support/authority.ts';

const chancery = await testAuthority('crl_pruning');
const { clock } = chancery;
const day = 86_400;

/** Either time passes (up to 20 days, most of it more than a CRL's life) and a CRL is due, or a certificate is revoked. */
const step = fc.oneof(
  { arbitrary: fc.record({ publishAfter: fc.integer({ min: 0, max: 20 * day }) }), weight: 3 },
  {
    arbitrary: fc.record({
      days: fc.integer({ min: 1, max: 10 }),
      revokeAfter: fc.integer({ min: 0, max: 12 * day }),
    }),
    weight: 2,
  },
);

/** Revoked certificates that a CRL may still have to list. */
const revoked = new Map<string, { readonly notAfter: Date; mayLeave: boolean }>();
const findings: string[] = [];
let looked = 0;

/** Looks at every CRL that goes out, also those that the authority publishes by itself. */
function look(der: Uint8Array): void {
  const list = parseCertificateList(der);
  const listed = new Set([...list.entries()].map(({ serialNumber }) => serialNumber));
  for (const [serialNumber, certificate] of revoked) {
    if (!certificate.mayLeave && !listed.has(serialNumber)) {
      findings.push(`${serialNumber} left the CRL of ${list.thisUpdate.toISOString()}`);
    }
    if (certificate.mayLeave && !listed.has(serialNumber)) revoked.delete(serialNumber);
    if (list.thisUpdate > certificate.notAfter) certificate.mayLeave = true;
  }
  const unknown = [...listed].filter((serialNumber) => !revoked.has(serialNumber));
  if (unknown.length > 0) findings.push(`nobody revoked ${unknown.join()}`);
}

const { publisher } = chancery.dependencies;
const { authority } = await chancery.node('looked-at', {
  dependencies: {
    publisher: {
      ...publisher,
      publishStream: async (path, octets, chunks, expected) => {
        const content = await buffer(chunks);
        if (path.includes(chancery.issuing.issuerId) && path.endsWith('.crl')) {
          look(content);
          looked += 1;
        }
        return publisher.publishStream(path, octets, Readable.from([content]), expected);
      },
    },
  },
});

test('T-PRUNE-1: every revoked certificate is on the next CRL, until one issued past its notAfter listed it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 8 }), async (steps) => {
      for (const taken of steps) {
        if ('publishAfter' in taken) {
          clock.advance(taken.publishAfter);
        } else {
          const { record } = await chancery.issue({ days: taken.days });
          const { serialNumber, notAfter } = record;
          clock.advance(taken.revokeAfter);
          await authority.publishCrl(admin, 'issuing');
          revoked.set(serialNumber, { notAfter, mayLeave: false });
          await authority.revokeCertificate(admin, { serialNumber, reasonCode: 'superseded' });
        }
        await authority.publishCrl(admin, 'issuing');
        expect(findings).toEqual([]);
      }
    }),
    { numRuns: 12, endOnFailure: true },
  );
  // Nobody stays for good: twelve days later all that was revoked has expired.
  clock.advance(12 * day);
  await authority.publishCrl(admin, 'issuing');
  clock.advance(3600);
  await authority.publishCrl(admin, 'issuing');
  expect([...chancery.crl().entries()]).toEqual([]);
  expect(looked).toBeGreaterThan(20);
}, 60_000);
