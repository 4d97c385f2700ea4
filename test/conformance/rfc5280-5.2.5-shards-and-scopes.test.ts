/** RFC 5280 §5.2.5, §4.2.1.13: shards and scopes; each certificate points to the CRL that speaks of it. */
import { describe, expect, test } from 'vitest';
import { planOf, renewalOf } from '../../src/authority/crl-plan.ts';
import { chooseShard, shardOfExisting } from '../../src/authority/crl-shards.ts';
import {
  findExtension,
  oids,
  parseCertificate,
  parseCRLDistributionPoints,
  parseExpiredCertsOnCrl,
} from '../../src/pkix/index.ts';
import { admin, csrFor, freshKey, refusal, testAuthority } from '../support/authority.ts';
import { pointOf, publishedCrls, told } from '../support/crl-model.ts';

const chancery = await testAuthority('crl_shards');
const { authority, clock } = chancery;
const issuerId = chancery.issuing.issuerId;
const day = 86_400;

const published = (of = issuerId) => publishedCrls(chancery.folder, of);
const states = async (issuer = 'issuing') => authority.listShards(admin, issuer);

async function turn(): Promise<void> {
  await authority.drain();
  await authority.tick();
  await authority.drain();
}

function pointsOf(certificate: Uint8Array): readonly string[] {
  const { extensions } = parseCertificate(certificate);
  const found = findExtension(extensions, oids.cRLDistributionPoints);
  return found === undefined ? [] : parseCRLDistributionPoints(found.value);
}

describe('C15: the distribution point in a CRL is the one in its certificates', () => {
  test('the number grows, certificates are spread by their serial numbers, and each has its CRL', async () => {
    await authority.changeStatusPolicy(admin, 'issuing', { crl: { shards: 4 } });
    expect([...published().keys()].sort()).toEqual(['0', '1', '2', '3']);
    const open = [0, 1, 2, 3].map((shard) => ({ shard, scope: 'all' as const }));
    for (let index = 0; index < 12; index += 1) {
      const { record, certificate } = await chancery.issue();
      const { serialNumber } = record;
      expect(record.shard).toBe(chooseShard(serialNumber, 'endEntity', { scopes: 'all', open }));
      await authority.revokeCertificate(admin, { serialNumber, reasonCode: 'superseded' });
      await turn();
      const crls = published();
      const own = crls.get(String(record.shard));
      expect(pointsOf(certificate)).toEqual([own && pointOf(own).uri]);
      for (const [name, crl] of crls) {
        expect(told(crl).has(serialNumber)).toBe(name === String(record.shard));
      }
    }
  });

  test('only the shard that changed is built again', async () => {
    await turn();
    const before = published();
    const { record } = await chancery.issue();
    const { serialNumber, shard } = record;
    await authority.revokeCertificate(admin, { serialNumber, reasonCode: 'superseded' });
    await turn();
    for (const [name, crl] of published()) {
      expect(crl.crlNumber === before.get(name)?.crlNumber).toBe(name !== String(shard));
    }
  });

  test('a fifth of 10,000 serial numbers falls to each of five shards', () => {
    const open = [1, 3, 4, 7, 9].map((shard) => ({ shard, scope: 'all' as const }));
    const counts = new Map<number | undefined, number>();
    for (let index = 0; index < 10_000; index += 1) {
      const serialNumber = `1b2c${(BigInt(index) * 0x9e37_79b9_7f4a_7c15n).toString(16).padStart(24, '0').slice(-24)}`;
      const shard = chooseShard(serialNumber, 'endEntity', { scopes: 'all', open });
      counts.set(shard, (counts.get(shard) ?? 0) + 1);
    }
    for (const { shard } of open) expect(counts.get(shard)).toBeGreaterThan(1800);
  });
});

describe('C14: scope flags tell the truth', () => {
  test('separate: CA certificates have a CRL of their own, and both say so', async () => {
    await authority.changeStatusPolicy(admin, 'root', { crl: { scopes: 'separate' } });
    const opened = await states('root');
    expect(opened.map(({ scope }) => scope)).toEqual(['all', 'ca', 'endEntity']);
    const sub = await authority.createIssuer(admin, {
      name: 'sub',
      kind: 'subordinate',
      parent: 'root',
      keyAlgorithm: 'p256',
    });
    const [own] = (await authority.searchCertificates(admin, { subject: 'CN=sub', limit: 2 }))
      .items;
    if (own === undefined) throw new Error('not in the inventory');
    expect(own.shard).toBe(1);
    expect(pointsOf(sub.certificate ?? new Uint8Array())).toEqual([
      `http://pki.example.test/crl/${chancery.root.issuerId}/1.crl`,
    ]);
    await authority.revokeCertificate(admin, {
      serialNumber: own.serialNumber,
      reasonCode: 'cACompromise',
    });
    await turn();
    const crls = published(chancery.root.issuerId);
    const [all, ca, user] = ['0', '1', '2'].map((name) => {
      const crl = crls.get(name);
      if (crl === undefined) throw new Error(`${name} is not published`);
      return { point: pointOf(crl), entries: told(crl) };
    });
    expect([all?.point.ca, all?.point.user]).toEqual([false, false]);
    expect([ca?.point.ca, ca?.point.user]).toEqual([true, false]);
    expect([user?.point.ca, user?.point.user]).toEqual([false, true]);
    expect(ca?.entries.has(own.serialNumber)).toBe(true);
    expect(user?.entries.size).toBe(0);
  });
});

describe('a retired shard', () => {
  test('gets no new certificates, also from a node that has not heard of it; the last can’t be retired', async () => {
    const stale = await chancery.node('stale');
    await stale.authority.listCrls(admin);
    await authority.retireShard(admin, 'issuing', 0);
    for (let index = 0; index < 8; index += 1) {
      const { record } = await stale.authority.issueCertificate(admin, {
        profile: 'tls-server',
        csr: csrFor(freshKey(), `stale-${index}.example.test`),
      });
      expect(record.shard).not.toBe(0);
    }
    await authority.retireShard(admin, 'issuing', 1);
    await authority.retireShard(admin, 'issuing', 2);
    expect(await refusal(authority.retireShard(admin, 'issuing', 3))).toBe('illegalTransition');
    expect((await authority.showIssuer(admin, 'issuing')).statusPolicy.crl.shards).toBe(1);
  });

  test('gets no imported certificate either: one of an issuer of ours goes where a CRL speaks of it', async () => {
    const notAfter = new Date(clock.now().getTime() + day * 1000);
    const known = { serialNumber: '77', subject: 'CN=made elsewhere', notAfter };
    const revocation = { at: clock.now(), reasonCode: 'superseded' } as const;
    const request = { issuer: 'issuing', tags: [], dryRun: false };
    const results = await authority.importCertificates(admin, {
      ...request,
      entries: [{ reference: 'index.txt:1', known, revocation }],
    });
    expect(results).toMatchObject([{ outcome: 'imported', serialNumber: '77' }]);
    await turn();
    const listed = [...published()].filter(([, crl]) => told(crl).has('77'));
    expect(listed.map(([name]) => name)).toEqual(['3']);
  });

  test('an imported certificate goes to the shard that its CRLDP names, if that is open and speaks of it', () => {
    const urls = { crl: 'http://pki.example.test/crl/ab/0.crl', ocsp: '', caIssuers: '' };
    const open = [
      { shard: 1, scope: 'endEntity' },
      { shard: 2, scope: 'ca' },
      { shard: 4, scope: 'endEntity' },
    ] as const;
    const shardOf = (type: 'ca' | 'endEntity' | 'ocspSigning', named: string) =>
      shardOfExisting(
        { serialNumber: '10', type, crlUrls: [`http://pki.example.test/crl/${named}.crl`] },
        urls,
        { scopes: 'separate', open },
      );
    expect([shardOf('endEntity', 'ab/4'), shardOf('ocspSigning', 'ab/1')]).toEqual([4, 1]);
    // 0 is retired, 2 does not speak of end entities, cd is another issuer's: as for a new certificate.
    for (const named of ['ab/0', 'ab/2', 'cd/4']) expect(shardOf('endEntity', named)).toBe(1);
    expect(shardOf('ca', 'ab/4')).toBe(2);
    expect(
      shardOfExisting({ serialNumber: '10', type: 'ca', crlUrls: [] }, urls, {
        scopes: 'separate',
        open: open.slice(2),
      }),
    ).toBeUndefined();
  });

  test('C21 §3.3: is published until one CRL past the notAfter of its last certificate, then no more', async () => {
    const before = published().get('0')?.crlNumber ?? 0n;
    clock.advance(day / 2);
    await turn();
    expect(published().get('0')?.crlNumber).toBeGreaterThan(before);
    const state = (await states()).find(({ shard }) => shard === 0);
    const [last] = await chancery.sql(
      'SELECT max(not_after) AS at FROM certificates WHERE issuer_id = $1 AND shard = 0',
      [issuerId],
    );
    expect(state?.lastNotAfter).toEqual(last?.['at']);
    clock.set(new Date(((last?.['at'] as Date | undefined)?.getTime() ?? 0) + 1000));
    await turn();
    const final = published().get('0');
    expect(final?.thisUpdate.getTime()).toBeGreaterThan(state?.lastNotAfter?.getTime() ?? Infinity);
    expect(told(final ?? chancery.crl()).size).toBeGreaterThan(0);
    expect((await states()).find(({ shard }) => shard === 0)?.endedAt).toBeDefined();
    clock.advance(day);
    await turn();
    expect(published().get('0')?.crlNumber).toBe(final?.crlNumber);
    expect((await authority.checkReadiness()).reasons).toEqual([]);
    await authority.changeStatusPolicy(admin, 'issuing', { crl: { shards: 3 } });
    expect((await states()).filter(({ retiredAt }) => retiredAt === undefined).length).toBe(3);
    expect((await states()).map(({ shard }) => shard)).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

describe('expiredCertsOnCRL', () => {
  test('entries stay after expiry where the policy keeps them, and the CRL says since when', async () => {
    await authority.changeStatusPolicy(admin, 'issuing', { crl: { keepExpired: true } });
    const { record } = await chancery.issue({ days: 1 });
    const { serialNumber, shard } = record;
    await authority.revokeCertificate(admin, { serialNumber, reasonCode: 'superseded' });
    for (let index = 0; index < 3; index += 1) {
      clock.advance(day);
      await turn();
    }
    const crl = published().get(String(shard));
    const extension = crl && findExtension(crl.extensions, oids.expiredCertsOnCRL);
    expect(extension?.critical).toBe(false);
    const own = parseCertificate(chancery.issuing.certificate ?? new Uint8Array());
    expect(extension && parseExpiredCertsOnCrl(extension.value)).toEqual(own.validity.notBefore);
    expect(crl && told(crl).has(serialNumber)).toBe(true);
  });
});

describe('C23: never a gap', () => {
  test('shards are renewed one after the other between three eighths and half of their life', async () => {
    const [state] = await states();
    if (state?.complete === undefined) throw new Error('not published');
    const { complete } = state;
    const life = complete.nextUpdate.getTime() - complete.thisUpdate.getTime();
    const parts = Array.from(
      { length: 128 },
      (_, shard) => (renewalOf(complete, shard).getTime() - complete.thisUpdate.getTime()) / life,
    ).sort((a, b) => a - b);
    expect(parts[0]).toBeGreaterThanOrEqual(0.375);
    expect(parts.at(-1)).toBe(0.5);
    const seconds = parts.map((part) => Math.floor((part * life) / 1000));
    expect(new Set(seconds).size).toBeGreaterThan(120);
    const live = { ...state, shard: 0, endedAt: undefined, lastNotAfter: undefined };
    const half = new Date(complete.thisUpdate.getTime() + life / 2);
    expect(planOf({ ...live, lastChange: complete.coversChange }, half)).toBe('complete');
  });

  test('after a build that took long a change waits, five minutes at most and never past the renewal', async () => {
    const [state] = await states();
    if (state?.complete?.publishedAt === undefined) throw new Error('not published');
    const { publishedAt } = state.complete;
    const after = (seconds: number) => new Date(publishedAt.getTime() + seconds * 1000);
    const plan = (took: number, life: number, now: Date, number?: bigint) => {
      const complete = {
        ...state.complete,
        crlNumber: number ?? BigInt(after(-took).getTime()) * 1000n,
        thisUpdate: publishedAt,
        nextUpdate: after(life),
      } as NonNullable<typeof state.complete>;
      const lastChange = complete.coversChange + 1n;
      return planOf(
        { ...state, shard: 0, endedAt: undefined, lastNotAfter: undefined, complete, lastChange },
        now,
      );
    };
    expect(plan(0.9, day, after(0))).toBe('complete');
    expect([plan(20, day, after(19)), plan(20, day, after(20))]).toEqual(['nothing', 'complete']);
    expect([plan(9999, day, after(299)), plan(9999, day, after(300))]).toEqual([
      'nothing',
      'complete',
    ]);
    expect([plan(9999, 240, after(119)), plan(9999, 240, after(120))]).toEqual([
      'nothing',
      'complete',
    ]);
    // A number that had to follow a greater one tells nothing of its time.
    expect(plan(0, day, after(0), BigInt(after(3600).getTime()) * 1000n)).toBe('complete');
  });

  test('lateness is told by issuer, of the worst shard, in the log and in readiness before anything expires', async () => {
    await turn();
    chancery.beforeSign = async () => Promise.reject(new Error('the token is away'));
    clock.advance(0.8 * day);
    await turn();
    const [issuing] = authority.crlFreshness().filter(({ issuer }) => issuer === 'issuing');
    expect(issuing?.late).toBeGreaterThan(0);
    expect(issuing?.expired).toBe(0);
    expect(issuing?.nextUpdate?.getTime()).toBeGreaterThan(clock.now().getTime());
    expect(chancery.log.some(({ message }) => message.startsWith('CRLs are late'))).toBe(true);
    expect((await authority.checkReadiness()).reasons.join()).toContain('is late');
    chancery.beforeSign = async () => undefined;
    clock.advance(60);
    await turn();
    await turn();
    expect(authority.crlFreshness().every(({ late }) => late === 0)).toBe(true);
  });
});
