/**
 * T-C12: for random histories of issue, hold, release, revoke, expiry, publication and changes of policy,
 * complete CRLs, delta CRLs upon any base that is still valid, shards and OCSP say what the history says.
 */
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { StatusPolicyChanges } from '../../src/authority/issuer-policy.ts';
import {
  type CertificateList,
  encodePem,
  findExtension,
  oids,
  parseCertificate,
  parseCRLDistributionPoints,
} from '../../src/pkix/index.ts';
import { admin, testAuthority } from '../support/authority.ts';
import {
  combined,
  type ModelCertificate,
  pointOf,
  publishedCrls,
  told,
} from '../support/crl-model.ts';
import { runCommand, scratchFolder } from '../support/openssl.ts';

const chancery = await testAuthority('crl_history');
const { authority, clock } = chancery;
const hour = 3600;
const scratch = scratchFolder();
afterAll(() => scratch.remove());
const long = process.env['CHANCERY_TEST_ALL'] === '1';

const which = fc.nat(100);
const policy: fc.Arbitrary<StatusPolicyChanges> = fc.oneof(
  fc.record({ crl: fc.record({ deltaSeconds: fc.constantFrom(hour, 4 * hour, null) }) }),
  fc.record({ crl: fc.record({ keepExpired: fc.boolean() }) }),
  fc.record({ crl: fc.record({ scopes: fc.constantFrom('all' as const, 'separate' as const) }) }),
);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ issue: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 4, arbitrary: fc.record({ hold: which }) },
  { weight: 3, arbitrary: fc.record({ release: which }) },
  {
    weight: 3,
    arbitrary: fc.record({
      revoke: which,
      reason: fc.constantFrom('superseded' as const, 'cessationOfOperation' as const),
    }),
  },
  { weight: 4, arbitrary: fc.record({ pass: fc.integer({ min: 60, max: 11 * hour }) }) },
  { weight: 1, arbitrary: fc.record({ pass: fc.integer({ min: 12 * hour, max: 48 * hour }) }) },
  { weight: 5, arbitrary: fc.constant({ publish: true as const }) },
  { weight: 1, arbitrary: fc.record({ policy }) },
  { weight: 1, arbitrary: fc.constant({ retire: true as const }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** One issuer, its model and every complete CRL that was out. */
class History {
  readonly issuerId: string;
  readonly name: string;
  readonly certificates: ModelCertificate[] = [];
  /** By shard: complete CRLs by number. */
  readonly completes = new Map<string, Map<bigint, CertificateList>>();
  readonly numbers = new Map<string, bigint>();

  constructor(name: string, issuerId: string) {
    this.name = name;
    this.issuerId = issuerId;
  }

  /** A certificate that has not expired, of those that a status allows. */
  pick(index: number, statuses: readonly string[]): ModelCertificate | undefined {
    const able = this.certificates.filter(
      ({ status, notAfter }) => statuses.includes(status) && notAfter > clock.now(),
    );
    return able[index % Math.max(1, able.length)];
  }

  async take(taken: Step): Promise<void> {
    if ('issue' in taken) {
      const { record, certificate } = await chancery.issue({
        issuer: this.name,
        days: taken.issue,
      });
      const parsed = parseCertificate(certificate);
      const points = findExtension(parsed.extensions, oids.cRLDistributionPoints);
      expect(points && parseCRLDistributionPoints(points.value)).toEqual([
        `http://pki.example.test/crl/${this.issuerId}/${record.shard}.crl`,
      ]);
      this.certificates.push({
        serialNumber: record.serialNumber,
        shard: record.shard,
        notAfter: record.notAfter,
        der: certificate,
        status: 'good',
        mayLeave: false,
      });
    } else if ('hold' in taken) {
      const found = this.pick(taken.hold, ['good']);
      if (found === undefined) return;
      await authority.holdCertificate(admin, { ...this.ref(found) });
      Object.assign(found, {
        status: 'onHold',
        reasonCode: 'certificateHold',
        notGoodSince: clock.now(),
      });
    } else if ('release' in taken) {
      const found = this.pick(taken.release, ['onHold']);
      if (found === undefined) return;
      await authority.releaseCertificate(admin, { ...this.ref(found) });
      Object.assign(found, { status: 'good', reasonCode: undefined, notGoodSince: undefined });
    } else if ('revoke' in taken) {
      const found = this.pick(taken.revoke, ['good', 'onHold']);
      if (found === undefined) return;
      await authority.revokeCertificate(admin, { ...this.ref(found), reasonCode: taken.reason });
      Object.assign(found, {
        status: 'revoked',
        reasonCode: taken.reason,
        notGoodSince: found.notGoodSince ?? clock.now(),
      });
    } else if ('pass' in taken) {
      // A build that seems to have taken an hour would be followed by a rest.
      await authority.drain();
      clock.advance(taken.pass);
    } else if ('policy' in taken) {
      await authority.changeStatusPolicy(admin, this.name, taken.policy);
      await this.judge();
    } else if ('retire' in taken) {
      const open = (await authority.listShards(admin, this.name)).filter(
        ({ retiredAt, scope }) => retiredAt === undefined && scope === 'all',
      );
      const [first] = open;
      if (first !== undefined && open.length > 1) {
        await authority.retireShard(admin, this.name, first.shard);
      }
    } else {
      await this.publish();
    }
  }

  ref({ serialNumber }: ModelCertificate) {
    return { serialNumber, issuer: this.issuerId };
  }

  /** What an act had published in between: relying parties saw it, and an entry may leave after it. */
  async witness(): Promise<void> {
    await authority.drain();
    for (const [name, list] of publishedCrls(chancery.folder, this.issuerId)) {
      if (!name.endsWith('-delta')) this.judgeComplete(name, list);
    }
  }

  async publish(): Promise<void> {
    await authority.drain();
    await authority.tick();
    await authority.drain();
    await this.judge();
  }

  /** The published files against the model. */
  async judge(): Promise<void> {
    await authority.drain();
    const files = publishedCrls(chancery.folder, this.issuerId);
    for (const state of await authority.listShards(admin, this.name)) {
      const shard = String(state.shard);
      const complete = files.get(shard);
      if (complete === undefined || state.endedAt !== undefined) continue;
      const delta = files.get(`${shard}-delta`);
      this.judgeComplete(shard, complete);
      const announced = findExtension(complete.extensions, oids.freshestCRL) !== undefined;
      if (!announced || delta === undefined) {
        this.judgeTold(shard, told(complete), complete.thisUpdate);
        continue;
      }
      this.judgeDelta(shard, complete, delta);
    }
  }

  judgeComplete(shard: string, complete: CertificateList): void {
    const number = complete.crlNumber ?? 0n;
    const known = this.completes.get(shard) ?? new Map<bigint, CertificateList>();
    this.completes.set(shard, known);
    const before = [...known.keys()].at(-1) ?? 0n;
    expect(number).toBeGreaterThanOrEqual(before);
    const entries = told(complete);
    // RFC 5280 §5.3.1: removeFromCRL never stands in a complete CRL.
    expect([...entries.values()].map(({ reason }) => reason)).not.toContain('removeFromCRL');
    expect(pointOf(complete).uri).toBe(`http://pki.example.test/crl/${this.issuerId}/${shard}.crl`);
    expect(pointOf(complete).ca && entries.size > 0).toBe(false);
    for (const certificate of this.certificates) {
      if (
        String(certificate.shard) === shard &&
        complete.thisUpdate > certificate.notAfter &&
        entries.has(certificate.serialNumber)
      ) {
        certificate.mayLeave = true;
      }
    }
    known.set(number, complete);
  }

  judgeDelta(shard: string, complete: CertificateList, delta: CertificateList): void {
    const number = delta.crlNumber ?? 0n;
    const base = delta.baseCrlNumber ?? -1n;
    const known = this.completes.get(shard) ?? new Map<bigint, CertificateList>();
    expect(findExtension(delta.extensions, oids.freshestCRL)).toBeUndefined();
    expect(pointOf(delta).der).toBe(pointOf(complete).der);
    expect(number).toBeGreaterThanOrEqual(complete.crlNumber ?? 0n);
    if (number === complete.crlNumber) {
      expect(delta.thisUpdate).toEqual(complete.thisUpdate);
    }
    // Every complete CRL that a relying party may still hold, and that the delta says it fits.
    const usable = [...known].filter(
      ([of, list]) =>
        of >= base && of < number && list.nextUpdate !== undefined && list.nextUpdate > clock.now(),
    );
    for (const [, list] of usable) {
      this.judgeTold(shard, combined(list, delta), delta.thisUpdate);
    }
    if (number === complete.crlNumber) {
      this.judgeTold(shard, told(complete), complete.thisUpdate);
    }
  }

  /** @param at what is told is the truth of this moment, and nothing has happened since */
  judgeTold(shard: string, entries: ReturnType<typeof told>, at: Date): void {
    for (const { serialNumber, notAfter, mayLeave, ...model } of this.certificates) {
      if (String(model.shard) !== shard) continue;
      const entry = entries.get(serialNumber);
      if (model.status === 'good') {
        if (entry !== undefined) expect(notAfter.getTime()).toBeLessThan(at.getTime());
      } else if (entry === undefined) {
        expect(mayLeave, `${serialNumber} left too early`).toBe(true);
      } else {
        expect(entry.reason).toBe(model.reasonCode);
        expect(entry.since).toBe(Math.floor((model.notGoodSince?.getTime() ?? 0) / 1000) * 1000);
      }
    }
    const ours = new Set(this.certificates.map(({ serialNumber }) => serialNumber));
    expect([...entries.keys()].filter((serialNumber) => !ours.has(serialNumber))).toEqual([]);
  }

  async judgeOcsp(): Promise<void> {
    for (const certificate of this.certificates) {
      const answer = await chancery.ocsp({ ...certificate, issuerId: this.issuerId });
      expect(answer?.status).toBe(certificate.status);
      expect(answer?.notGoodSince).toEqual(certificate.notGoodSince);
    }
  }

  /** openssl, with whatever is published now. */
  judgeByOpenssl(): void {
    const files = publishedCrls(chancery.folder, this.issuerId);
    const pem = (der: Uint8Array, kind = 'CERTIFICATE'): string => encodePem(kind, der);
    const root = scratch.file('root.pem', pem(chancery.root.certificate ?? new Uint8Array()));
    const untrusted = scratch.file('issuer.pem', pem(this.issuerCertificate));
    const crls = [...files]
      .filter(([, list]) => (list.nextUpdate ?? clock.now()) > clock.now())
      .flatMap(([name, list]) => [
        '-CRLfile',
        scratch.file(`${name}.crl.pem`, pem(list.der, 'X509 CRL')),
      ]);
    const at = String(Math.floor(clock.now().getTime() / 1000));
    for (const certificate of this.certificates) {
      if (certificate.notAfter <= clock.now()) continue;
      const leaf = scratch.file('leaf.pem', pem(certificate.der));
      const { status, output } = runCommand('openssl', [
        ...['verify', '-attime', at, '-crl_check', '-use_deltas', '-extended_crl'],
        ...['-CAfile', root, '-untrusted', untrusted, ...crls, leaf],
      ]);
      expect({ revoked: /certificate revoked/.test(output), status }, output).toEqual(
        certificate.status === 'good'
          ? { revoked: false, status: 0 }
          : { revoked: true, status: 2 },
      );
    }
  }

  issuerCertificate: Uint8Array = new Uint8Array();
}

let runs = 0;

test('T-C12: full CRL, base and delta, shards and OCSP say what the history says', {
  timeout: long ? 3_600_000 : 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: long ? 60 : 30 }),
      fc.constantFrom(1, 3),
      fc.boolean(),
      async (steps, shards, deltas) => {
        runs += 1;
        const name = `history-${runs}`;
        const made = await authority.createIssuer(admin, {
          name,
          kind: 'subordinate',
          parent: 'root',
          keyAlgorithm: 'p256',
        });
        const history = new History(name, made.issuerId);
        history.issuerCertificate = made.certificate ?? new Uint8Array();
        await authority.changeStatusPolicy(admin, name, {
          crl: { shards, deltaSeconds: deltas ? 2 * hour : null },
        });
        await history.judge();
        for (const taken of steps) {
          await history.take(taken);
          await history.witness();
        }
        await history.publish();
        await history.judgeOcsp();
        history.judgeByOpenssl();
        // The clock of the test leaps: lateness is true then, and mended at the next turn.
        const alarms = chancery.log.filter(({ level }) => level === 'alarm');
        expect(alarms.filter(({ message }) => !message.startsWith('CRLs are late'))).toEqual([]);
      },
    ),
    { numRuns: long ? 100 : 4, endOnFailure: true },
  );
});
