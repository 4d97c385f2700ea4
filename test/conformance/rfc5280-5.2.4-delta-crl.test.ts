/** RFC 5280 §5.2.4 delta CRLs, §5.2.3 their numbers, §5.2.6 freshestCRL, §5.3.1 removeFromCRL: what is published. */
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type CertificateList,
  findExtension,
  oids,
  parseCRLDistributionPoints,
} from '../../src/pkix/index.ts';
import { admin, refusal, testAuthority } from '../support/authority.ts';
import { combined, pointOf, publishedCrls, told } from '../support/crl-model.ts';

const chancery = await testAuthority('crl_delta');
const { authority, clock } = chancery;
const issuerId = chancery.issuing.issuerId;
const hour = 3600;

function published(): { readonly complete: CertificateList; readonly delta: CertificateList } {
  const files = publishedCrls(chancery.folder, issuerId);
  const [complete, delta] = [files.get('0'), files.get('0-delta')];
  if (complete === undefined || delta === undefined) throw new Error('not published');
  return { complete, delta };
}

async function turn(): Promise<ReturnType<typeof published>> {
  await authority.drain();
  await authority.tick();
  await authority.drain();
  return published();
}

async function changed(act: 'hold' | 'release' | 'revoke', serialNumber: string) {
  if (act === 'hold') await authority.holdCertificate(admin, { serialNumber });
  if (act === 'release') await authority.releaseCertificate(admin, { serialNumber });
  if (act === 'revoke') {
    await authority.revokeCertificate(admin, { serialNumber, reasonCode: 'superseded' });
  }
  return turn();
}

const delta = (hours: number | null) =>
  authority.changeStatusPolicy(admin, 'issuing', {
    crl: { deltaSeconds: hours === null ? null : hours * hour },
  });

beforeAll(async () => {
  await delta(2);
});

describe('C16 §5.2.6', () => {
  test('freshestCRL is non-critical, names the delta, and stands in complete CRLs only', async () => {
    const { complete, delta: of } = published();
    const freshest = findExtension(complete.extensions, oids.freshestCRL);
    expect(freshest?.critical).toBe(false);
    expect(freshest && parseCRLDistributionPoints(freshest.value)).toEqual([
      `http://pki.example.test/crl/${issuerId}/0-delta.crl`,
    ]);
    expect(findExtension(of.extensions, oids.freshestCRL)).toBeUndefined();
  });
});

describe('C11 §5.2.4', () => {
  test('deltaCRLIndicator is critical and names a published complete CRL of the same scope', async () => {
    const { complete, delta: of } = published();
    const indicator = findExtension(of.extensions, oids.deltaCRLIndicator);
    expect(indicator?.critical).toBe(true);
    expect(of.baseCrlNumber).toBe(complete.crlNumber);
    expect(pointOf(of)).toEqual(pointOf(complete));
  });
});

describe('C12, C13 §5.2.4, §5.3.1', () => {
  test('a change makes a delta alone; base and delta together are the truth', async () => {
    const before = published();
    const { record } = await chancery.issue();
    const after = await changed('revoke', record.serialNumber);
    expect(after.complete.crlNumber).toBe(before.complete.crlNumber);
    expect(after.delta.crlNumber).toBeGreaterThan(before.delta.crlNumber ?? 0n);
    expect(combined(after.complete, after.delta).get(record.serialNumber)?.reason).toBe(
      'superseded',
    );
  });

  test('a hold on the base that is released is removeFromCRL until a complete CRL without it is the base', async () => {
    const { record } = await chancery.issue();
    const { serialNumber } = record;
    await changed('hold', serialNumber);
    await authority.publishCrl(admin, 'issuing');
    expect(told(published().complete).get(serialNumber)?.reason).toBe('certificateHold');
    const released = await changed('release', serialNumber);
    expect(told(released.delta).get(serialNumber)?.reason).toBe('removeFromCRL');
    expect(combined(released.complete, released.delta).has(serialNumber)).toBe(false);
    // Complete CRLs pass; whoever holds the one with the hold is told as long as it is valid.
    clock.advance(13 * hour);
    const renewed = await turn();
    expect(told(renewed.complete).has(serialNumber)).toBe(false);
    expect(told(renewed.delta).get(serialNumber)?.reason).toBe('removeFromCRL');
    clock.advance(12 * hour);
    const later = await turn();
    expect(later.delta.baseCrlNumber).toBe(renewed.complete.crlNumber);
    expect(told(later.delta).has(serialNumber)).toBe(false);
  });

  test('a hold that is first on a delta and released before the next complete CRL is removed as well', async () => {
    const { record } = await chancery.issue();
    await changed('hold', record.serialNumber);
    const { delta: of } = await changed('release', record.serialNumber);
    expect(told(of).get(record.serialNumber)?.reason).toBe('removeFromCRL');
  });

  test('what commits late, after the base was read, is on the next delta', async () => {
    const { record } = await chancery.issue();
    let finish = (): void => undefined;
    const held = new Promise<void>((done) => {
      finish = done;
    });
    let began = (): void => undefined;
    const begun = new Promise<void>((done) => {
      began = done;
    });
    // Open while the complete CRL is read: its transaction id is lower than much of what is visible.
    const late = chancery.storage.unitOfWork.run(async ({ inventory }) => {
      const at = clock.now();
      await inventory.changeStatus(
        'default',
        issuerId,
        record.serialNumber,
        { status: 'revoked', reasonCode: 'superseded', notGoodSince: at },
        {
          act: 'revoke',
          reasonCode: 'superseded',
          requestedAt: at,
          requestedBy: 'admin',
          effectiveAt: at,
        },
      );
      began();
      await held;
    });
    await begun;
    await authority.publishCrl(admin, 'issuing');
    expect(told(published().complete).has(record.serialNumber)).toBe(false);
    finish();
    await late;
    const after = await turn();
    expect(combined(after.complete, after.delta).get(record.serialNumber)?.reason).toBe(
      'superseded',
    );
  });
});

describe('C9, C10 §5.2.3', () => {
  test('issued together they share number and moment; otherwise one sequence is shared', async () => {
    await authority.publishCrl(admin, 'issuing');
    const { complete, delta: of } = published();
    expect(of.crlNumber).toBe(complete.crlNumber);
    expect(of.thisUpdate).toEqual(complete.thisUpdate);
    expect(of.baseCrlNumber).toBeLessThan(of.crlNumber ?? 0n);
    clock.advance(hour);
    const next = await turn();
    expect(next.complete.crlNumber).toBe(complete.crlNumber);
    expect(next.delta.crlNumber).toBeGreaterThan(of.crlNumber ?? 0n);
    const rows = await chancery.sql(
      'SELECT crl_number, count(DISTINCT this_update) AS moments FROM crls WHERE issuer_id = $1 AND published_at IS NOT NULL GROUP BY crl_number HAVING count(DISTINCT this_update) > 1',
      [issuerId],
    );
    expect(rows).toEqual([]);
  });

  test('over two nodes that build at once no number is given out twice', async () => {
    const other = await chancery.node('beside');
    const serialNumbers = await Promise.all(
      Array.from({ length: 6 }, async () => (await chancery.issue()).record.serialNumber),
    );
    await Promise.allSettled(
      serialNumbers.flatMap((serialNumber, index) => [
        authority.revokeCertificate(admin, { serialNumber, reasonCode: 'superseded' }),
        (index % 2 === 0 ? authority : other.authority).publishCrl(admin, 'issuing'),
        other.authority.tick(),
      ]),
    );
    await other.authority.drain();
    const { complete, delta: of } = await turn();
    const all = combined(complete, of);
    expect(serialNumbers.filter((serialNumber) => !all.has(serialNumber))).toEqual([]);
    const twice = await chancery.sql(
      'SELECT crl_number FROM crls WHERE issuer_id = $1 GROUP BY crl_number, kind HAVING count(*) > 1',
      [issuerId],
    );
    expect(twice).toEqual([]);
  });
});

describe('builds that change or end in the middle', () => {
  test('while changes keep coming, a build comes to its end', async () => {
    const records = await Promise.all(Array.from({ length: 5 }, async () => chancery.issue()));
    const left = records.map(({ record }) => record.serialNumber);
    const busy = await chancery.node('busy');
    let signatures = 0;
    busy.beforeSign = async () => {
      signatures += 1;
      const serialNumber = left.pop();
      if (serialNumber !== undefined) {
        await authority.revokeCertificate(admin, { serialNumber, reasonCode: 'superseded' });
      }
    };
    await busy.authority.publishCrl(admin, 'issuing');
    expect(signatures).toBe(2);
    await turn();
  });

  /** Ends at the nth file that it writes. */
  async function dies(name: string, files: number): Promise<void> {
    const node = await chancery.node(name);
    let written = 0;
    node.at['crl.3-after-file'] = () => {
      written += 1;
      if (written === files) throw new Error('the process ends');
    };
    // What the first node was asked for in the background may hold the lease for a moment.
    for (let outcome = 'another node'; outcome.includes('another node'); ) {
      outcome = await node.authority.publishCrl(admin, 'issuing').then(() => 'published', String);
      expect(outcome).toMatch(/another node|the process ends/);
    }
  }

  test.each([
    ['between the complete and the delta file', 1],
    ['after both files and before the commit', 2],
  ])(
    'a process that dies %s: the next one makes a whole pair, and nobody is told less',
    async (_, files) => {
      const held = await chancery.issue();
      await changed('hold', held.record.serialNumber);
      await authority.publishCrl(admin, 'issuing');
      const { record } = await chancery.issue();
      await changed('revoke', record.serialNumber);
      await authority.releaseCertificate(admin, { serialNumber: held.record.serialNumber });
      const before = published();
      await dies(`dies-${files}`, files);
      const left = published();
      expect(left.complete.crlNumber).toBeGreaterThan(before.complete.crlNumber ?? 0n);
      expect(left.delta.crlNumber === left.complete.crlNumber).toBe(files === 2);
      // What stands in the store meanwhile holds together for whoever fetches it.
      expect(told(left.complete).has(record.serialNumber)).toBe(true);
      expect(combined(before.complete, left.delta).has(record.serialNumber)).toBe(true);

      const restarted = await chancery.node(`restarted-${files}`);
      await restarted.authority.tick();
      await restarted.authority.drain();
      const after = published();
      expect(after.complete.crlNumber).toBeGreaterThan(left.complete.crlNumber ?? 0n);
      expect(after.delta.crlNumber).toBeGreaterThanOrEqual(after.complete.crlNumber ?? 0n);
      for (const base of [before.complete, left.complete, after.complete]) {
        expect(after.delta.baseCrlNumber).toBeLessThanOrEqual(base.crlNumber ?? 0n);
        const all = combined(base, after.delta);
        expect(all.has(record.serialNumber)).toBe(true);
        expect(all.has(held.record.serialNumber)).toBe(false);
      }
      const report = await restarted.authority.checkReadiness();
      expect(report.reasons).toEqual([]);
    },
  );

  test('a shard whose build died holds up no other, and is right after the restart', async () => {
    await authority.changeStatusPolicy(admin, 'issuing', { crl: { shards: 3 } });
    const records = await Promise.all(Array.from({ length: 6 }, async () => chancery.issue()));
    const shardOf = new Map(records.map(({ record }) => [record.serialNumber, record.shard]));
    await turn();
    for (const serialNumber of shardOf.keys()) {
      await authority.revokeCertificate(admin, { serialNumber, reasonCode: 'superseded' });
    }
    await authority.drain();
    await dies('dies-in-a-shard', 2);
    const restarted = await chancery.node('restarted-with-shards');
    await restarted.authority.tick();
    await restarted.authority.drain();
    const files = publishedCrls(chancery.folder, issuerId);
    for (const [serialNumber, shard] of shardOf) {
      const [complete, of] = [files.get(`${shard}`), files.get(`${shard}-delta`)];
      if (complete === undefined || of === undefined) throw new Error(`shard ${shard} has none`);
      expect(combined(complete, of).has(serialNumber)).toBe(true);
    }
    const twice = await chancery.sql(
      'SELECT crl_number FROM crls WHERE issuer_id = $1 GROUP BY shard, crl_number, kind HAVING count(*) > 1',
      [issuerId],
    );
    expect(twice).toEqual([]);
    // One shard is enough for what follows.
    for (const shard of [1, 2]) await authority.retireShard(admin, 'issuing', shard);
  });
});

describe('a changed policy', () => {
  test('deltas go on until the last complete CRL that announced them has expired', async () => {
    await delta(null);
    const { record } = await chancery.issue();
    const off = await changed('revoke', record.serialNumber);
    expect(findExtension(off.complete.extensions, oids.freshestCRL)).toBeUndefined();
    expect(told(off.complete).has(record.serialNumber)).toBe(true);
    expect(told(off.delta).has(record.serialNumber)).toBe(true);
    expect(off.delta.crlNumber).toBe(off.complete.crlNumber);
    clock.advance(25 * hour);
    await turn();
    const { crlNumber } = published().delta;
    clock.advance(13 * hour);
    expect((await turn()).delta.crlNumber).toBe(crlNumber);
    await delta(2);
    const on = published();
    expect(findExtension(on.complete.extensions, oids.freshestCRL)).toBeDefined();
    expect(on.delta.crlNumber).toBeGreaterThanOrEqual(on.complete.crlNumber ?? 0n);
    expect(on.delta.baseCrlNumber).toBe(on.complete.crlNumber);
  });

  test('after a restore no delta builds upon a snapshot of before', async () => {
    const before = published().delta.baseCrlNumber ?? 0n;
    await chancery.sql(
      "UPDATE crls SET snapshot_epoch = 'another/1b2c' WHERE snapshot IS NOT NULL",
    );
    const { record } = await chancery.issue();
    const after = await changed('revoke', record.serialNumber);
    expect(after.delta.baseCrlNumber).toBeGreaterThan(before);
    expect(combined(after.complete, after.delta).has(record.serialNumber)).toBe(true);
  });

  test('a delta that is shorter than a minute or longer than half of a complete CRL’s life is refused', async () => {
    for (const deltaSeconds of [59, 13 * hour]) {
      const change = authority.changeStatusPolicy(admin, 'issuing', { crl: { deltaSeconds } });
      expect(await refusal(change)).toBe('invalidArgument');
    }
  });
});
