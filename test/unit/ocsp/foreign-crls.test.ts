/** What the CRLs of a foreign CA let a responder say: scopes, shards, deltas, times, and which CRLs are refused. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { CrlScope } from '../../../ocsp/foreign/crl-reading.ts';
import { ForeignCrls } from '../../../ocsp/foreign/foreign-crls.ts';
import {
  assembleSigned,
  encodeTbsCertList,
  keyIdentifier,
  type RevokedCertificate,
  type TbsCertList,
} from '../../../src/pkix/index.ts';
import { softwareSignature } from '../../support/software-token.ts';
import { testIssuer } from '../../support/test-hierarchy.ts';

const folder = mkdtempSync(join(tmpdir(), 'chancery-foreign-crls-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
const issuer = testIssuer('Foreign');
const start = Date.parse('2026-06-01T00:00:00Z');
const hours = (count: number): Date => new Date(start + count * 3_600_000);
const revoked: RevokedCertificate = {
  serialNumber: 'aa',
  revocationDate: hours(-1),
  reasonCode: 'keyCompromise',
};

function write(
  name: string,
  tbs: Partial<TbsCertList> = {},
  entries: readonly RevokedCertificate[] = [revoked],
): string {
  const der = encodeTbsCertList(
    {
      ...{ signature: issuer.algorithm, issuer: issuer.certificate.subject },
      ...{ thisUpdate: hours(0), nextUpdate: hours(24), crlNumber: 1n },
      authorityKeyIdentifier: keyIdentifier(issuer.certificate.subjectPublicKeyInfo),
      ...tbs,
    },
    entries,
  );
  const signature = softwareSignature(issuer.algorithm, issuer.privateKey, der);
  const path = join(folder, name);
  writeFileSync(path, assembleSigned(der, issuer.algorithm, signature));
  return path;
}

const point = (name: string, flags: object = {}): Partial<TbsCertList> => ({
  issuingDistributionPoint: {
    fullName: [{ type: 'uniformResourceIdentifier', value: `http://crl.example.test/${name}` }],
    ...flags,
  },
});

let now = hours(1);
const signal = new AbortController().signal;
let kept = 0;

async function crlsOf(locations: readonly string[], scope: CrlScope = 'all') {
  const changes: string[][] = [];
  const faults: string[] = [];
  kept += 1;
  const crls = new ForeignCrls({
    ...{ issuerId: issuer.issuerId, name: 'foreign', certificate: issuer.certificate },
    ...{ locations, scope, folder: join(folder, `kept-${kept}`), clock: { now: () => now } },
    log: (_level, _message, fields) => {
      if (typeof fields?.['reason'] === 'string') faults.push(fields['reason']);
    },
    changed: (serialNumbers) => {
      changes.push([...serialNumbers]);
    },
  });
  await crls.refresh(signal);
  return { crls, changes, faults };
}

test('an entry has its reason, times and the times of its CRL; what is not listed is good until nextUpdate', async () => {
  const entry = { ...revoked, invalidityDate: hours(-5) };
  const held = { ...revoked, serialNumber: 'bb', reasonCode: 'certificateHold' as const };
  const { crls } = await crlsOf([write('complete.crl', {}, [entry, held])]);
  const validity = { thisUpdate: hours(0), nextUpdate: hours(24) };
  expect(crls.record('aa')).toMatchObject({
    ...{ status: 'revoked', reasonCode: 'keyCompromise', notGoodSince: hours(-1) },
    ...{ invalidityDate: hours(-5), validity },
  });
  expect(crls.record('bb')).toMatchObject({ status: 'onHold' });
  expect(crls.record('cc')).toMatchObject({ status: 'good', validity });
});

test('a CRL for end entities says nothing of CA certificates, unless only end entities are spoken for', async () => {
  const users = write('users.crl', point('users', { onlyContainsUserCerts: true }));
  const { crls } = await crlsOf([users]);
  expect([crls.record('aa')?.status, crls.record('cc'), crls.problem]).toEqual([
    ...['revoked', undefined],
    expect.stringContaining('do not cover'),
  ]);
  expect((await crlsOf([users], 'endEntity')).crls.record('cc')?.status).toBe('good');
  const both = [users, write('cas.crl', point('cas', { onlyContainsCACerts: true }))];
  expect((await crlsOf(both)).crls.record('cc')?.status).toBe('good');
});

test('shards speak together: the earliest end counts, and one that is missing leaves nothing said', async () => {
  const shard = write('0.crl', point('0'));
  const other = write('1.crl', { ...point('1'), nextUpdate: hours(12), thisUpdate: hours(-2) }, [
    { ...revoked, serialNumber: 'bb' },
  ]);
  const { crls } = await crlsOf([shard, other]);
  expect([crls.record('aa')?.status, crls.record('bb')?.status]).toEqual(['revoked', 'revoked']);
  expect(crls.record('cc')?.validity).toEqual({ thisUpdate: hours(-2), nextUpdate: hours(12) });
  const partial = (await crlsOf([shard, join(folder, 'missing.crl')])).crls;
  expect(partial.problem).toContain('missing.crl');
  expect(partial.record('cc')?.validity?.nextUpdate).toEqual(new Date(0));
});

test('a delta goes on from its base and from no other', async () => {
  const base = write('base.crl', { crlNumber: 5n });
  const delta = (number: bigint, upon: bigint) =>
    write('delta.crl', { crlNumber: number, baseCrlNumber: upon, nextUpdate: hours(2) }, [
      { ...revoked, reasonCode: 'removeFromCRL' },
      { ...revoked, serialNumber: 'bb' },
    ]);
  const says = async (path: string) => {
    const { crls } = await crlsOf([base, path]);
    return ['aa', 'bb'].map((serialNumber) => crls.record(serialNumber)?.status);
  };
  expect(await says(delta(6n, 5n))).toEqual(['good', 'revoked']);
  expect(await says(delta(6n, 4n))).toEqual(['good', 'revoked']);
  // RFC 5280 §5.2.4 (c): the base must not be older than the delta's; (d): nor newer than the delta.
  expect(await says(delta(7n, 6n))).toEqual(['revoked', 'good']);
  expect(await says(delta(5n, 4n))).toEqual(['revoked', 'good']);
  const { crls } = await crlsOf([base, delta(6n, 5n)]);
  expect(crls.record('cc')?.validity?.nextUpdate).toEqual(hours(2));
  // Upon another distribution point it is a delta of something else.
  const elsewhere = write('elsewhere.crl', { ...point('x'), crlNumber: 6n, baseCrlNumber: 5n });
  expect(await says(elsewhere)).toEqual(['revoked', 'good']);
});

test('a delta whose base is not here yet waits for it: what the delta before told is not forgotten', async () => {
  const base = write('late-base.crl', { crlNumber: 5n });
  const bb = { ...revoked, serialNumber: 'bb' };
  const delta = write('late-delta.crl', { crlNumber: 6n, baseCrlNumber: 5n }, [bb]);
  const { crls, faults } = await crlsOf([delta, base]);
  await crls.refresh(signal);
  expect(crls.record('bb')?.status).toBe('revoked');
  // The CA has published base 7, which lists bb; its delta has arrived, the base has not.
  write('late-delta.crl', { crlNumber: 8n, baseCrlNumber: 7n }, []);
  await crls.refresh(signal);
  expect(faults.splice(0).join()).toContain('waits for its base');
  expect(crls.record('bb')?.status).toBe('revoked');
  write('late-base.crl', { crlNumber: 7n }, [revoked, bb]);
  await crls.refresh(signal);
  await crls.refresh(signal);
  expect(['aa', 'bb', 'cc'].map((serialNumber) => crls.record(serialNumber)?.status)).toEqual([
    ...['revoked', 'revoked', 'good'],
  ]);
  expect(crls.problem).toBeUndefined();
});

test('numbers and times go forward only; a new CRL tells what changed', async () => {
  const path = write('numbered.crl', { crlNumber: 7n });
  const { crls, changes, faults } = await crlsOf([path]);
  const again = async (tbs: Partial<TbsCertList>, entries?: readonly RevokedCertificate[]) => {
    write('numbered.crl', tbs, entries);
    await crls.refresh(signal);
    return faults.splice(0).join();
  };
  expect(await again({ crlNumber: 6n })).toContain('does not go on from 7');
  expect(await again({ crlNumber: 7n }, [])).toContain('does not go on from 7');
  expect(await again({ crlNumber: 8n, thisUpdate: hours(-3) })).toContain('thisUpdate goes back');
  expect(await again({ crlNumber: 8n, thisUpdate: hours(2) })).toContain('in the future');
  expect(await again({ crlNumber: 8n, baseCrlNumber: 7n })).toContain('a delta came');
  expect(await again({ crlNumber: 8n, ...point('other') })).toContain('distribution point');
  expect(await again({ crlNumber: 8n }, [{ ...revoked, reasonCode: 'removeFromCRL' }])).toContain(
    'removeFromCRL',
  );
  expect(crls.record('aa')?.status).toBe('revoked');
  const entries = [{ ...revoked, serialNumber: 'bb' }];
  expect(await again({ crlNumber: 8n }, entries)).toBe('');
  expect(changes.at(-1)?.toSorted()).toEqual(['aa', 'bb']);
  expect([crls.record('aa')?.status, crls.record('bb')?.status]).toEqual(['good', 'revoked']);
});

test('what was taken last is kept, so that a restart does not go back behind it', async () => {
  const path = write('restart.crl', { crlNumber: 9n });
  const options = {
    ...{ issuerId: issuer.issuerId, name: 'foreign', certificate: issuer.certificate },
    ...{ locations: [path], scope: 'all' as const, folder: join(folder, 'restart') },
    clock: { now: () => now },
    log: () => undefined,
    changed: () => undefined,
  };
  await new ForeignCrls(options).refresh(signal);
  write('restart.crl', { crlNumber: 8n }, []);
  const later = new ForeignCrls(options);
  await later.load();
  expect(await later.refresh(signal)).toBe(false);
  expect(later.record('aa')?.status).toBe('revoked');
  now = hours(25);
  expect(later.problem).toContain('expired');
  now = hours(1);
});
