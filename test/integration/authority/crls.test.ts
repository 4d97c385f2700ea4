import { describe, expect, test, vi } from 'vitest';
import type { CertificateRecord } from '../../../src/authority/ports.ts';
import { ChanceryError } from '../../../src/domain/index.ts';
import { parseCertificateList } from '../../../src/pkix/index.ts';
import { admin, refusal, testAuthority } from '../../support/authority.ts';

const chancery = await testAuthority('crls');
const { authority, clock } = chancery;
const issuerId = chancery.issuing.issuerId;
const day = 86_400;

async function revoked(options: { readonly days?: number } = {}): Promise<CertificateRecord> {
  const { record } = await chancery.issue(options);
  const { serialNumber } = record;
  await authority.revokeCertificate(admin, { serialNumber, reasonCode: 'superseded' });
  return record;
}

const listedNow = (record: CertificateRecord) =>
  [...chancery.crl().entries()].some(({ serialNumber }) => serialNumber === record.serialNumber);

/** A node whose CRL signatures wait until they are let through. */
async function slowNode(name: string) {
  const node = await chancery.node(name);
  let pass = (): void => undefined;
  let signatures = 0;
  const passed = new Promise<void>((done) => {
    pass = done;
  });
  const reached = new Promise<void>((done) => {
    node.beforeSign = async () => {
      signatures += 1;
      done();
      await passed;
    };
  });
  return {
    ...node,
    authority: node.authority,
    reached,
    pass: () => pass(),
    count: () => signatures,
  };
}

describe('publication', () => {
  test('a change is out without anyone asking', async () => {
    const record = await revoked();
    await vi.waitUntil(() => listedNow(record), { timeout: 2000, interval: 20 });
    await authority.drain();
  });

  test('builds coalesce: one at a time, and the next covers all that was committed before it began', async () => {
    const slow = await slowNode('slow');
    const first = slow.authority.publishCrl(admin, 'issuing');
    await slow.reached;
    const records = await Promise.all([chancery.issue(), chancery.issue(), chancery.issue()]);
    const builds = [];
    for (const { record } of records) {
      await slow.authority.revokeCertificate(admin, {
        serialNumber: record.serialNumber,
        reasonCode: 'superseded',
      });
      builds.push(slow.authority.publishCrl(admin, 'issuing'));
    }
    slow.pass();
    const [early, ...late] = await Promise.all([first, ...builds]);
    expect(slow.count()).toBe(2);
    expect(new Set(late.map(([crl]) => crl?.crlNumber)).size).toBe(1);
    expect(early?.[0]?.crlNumber).toBeLessThan(late[0]?.[0]?.crlNumber ?? 0n);
    for (const { record } of records) expect(listedNow(record)).toBe(true);
  });

  test('over two nodes one builds; who lost its lease meanwhile publishes nothing', async () => {
    const slow = await slowNode('stopped');
    const stopped = refusal(slow.authority.publishCrl(admin, 'issuing'));
    await slow.reached;
    expect(await refusal(authority.publishCrl(admin, 'issuing'))).toBe('overloaded');
    // Stopped for longer than its lease runs; another node takes over.
    await chancery.sql('UPDATE leases SET expires_at = now() WHERE name = $1', [
      `crl:${issuerId}:0`,
    ]);
    const record = await revoked();
    const [published] = await authority.publishCrl(admin, 'issuing');
    slow.pass();
    expect(await stopped).toBe('overloaded');
    expect(chancery.crl().crlNumber).toBe(published?.crlNumber);
    expect(listedNow(record)).toBe(true);
    const numbers = await chancery.sql('SELECT crl_number FROM crls WHERE issuer_id = $1', [
      issuerId,
    ]);
    expect(new Set(numbers.map((row) => row['crl_number'])).size).toBe(numbers.length);
  });

  test('a build that takes longer than its lease keeps it', async () => {
    const slow = await slowNode('patient');
    const building = slow.authority.publishCrl(admin, 'issuing');
    await slow.reached;
    const name = `crl:${issuerId}:0`;
    await chancery.sql(
      "UPDATE leases SET expires_at = clock_timestamp() + interval '2 seconds' WHERE name = $1",
      [name],
    );
    await slow.authority.keepLeases();
    const [lease] = await chancery.sql(
      'SELECT extract(epoch FROM expires_at - clock_timestamp()) AS rest FROM leases WHERE name = $1',
      [name],
    );
    expect(Number(lease?.['rest'])).toBeGreaterThan(3);
    slow.pass();
    expect(await building).toHaveLength(1);
  });

  test('whoever fetches while one is replaced gets the old or the new one', async () => {
    const path = `crl/${issuerId}/0.crl`;
    const read = async (): Promise<Buffer> => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of (await authority.publishedFile(path))?.chunks() ?? []) {
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    };
    const old = await read();
    const [published] = await authority.publishCrl(admin, 'issuing');
    // Remembered still, and gone: said once, and the next who asks gets the new one.
    expect(await refusal(read())).toBe('storeConflict');
    expect(parseCertificateList(await read()).crlNumber).toBe(published?.crlNumber);
    expect(parseCertificateList(old).crlNumber).toBeLessThan(published?.crlNumber ?? 0n);
  });

  test('a new one comes at half of its life, and not before', async () => {
    const [published] = await authority.publishCrl(admin, 'issuing');
    const crlNumber = published?.crlNumber ?? 0n;
    clock.advance(day / 2 - 1);
    await authority.tick();
    await authority.drain();
    expect(chancery.crl().crlNumber).toBe(crlNumber);
    clock.advance(1);
    await authority.tick();
    await authority.drain();
    expect(chancery.crl().crlNumber).toBeGreaterThan(crlNumber);
  });

  test('a build that took long makes a change wait as long; by hand nothing waits', async () => {
    const turn = async () => {
      await authority.drain();
      await authority.tick();
      await authority.drain();
    };
    chancery.at['crl.2-after-signature'] = () => clock.advance(20);
    await authority.publishCrl(admin, 'issuing');
    delete chancery.at['crl.2-after-signature'];
    const record = await revoked();
    clock.advance(19);
    await turn();
    expect(listedNow(record)).toBe(false);
    clock.advance(1);
    await turn();
    expect(listedNow(record)).toBe(true);
    chancery.at['crl.2-after-signature'] = () => clock.advance(20);
    await authority.publishCrl(admin, 'issuing');
    delete chancery.at['crl.2-after-signature'];
    const urgent = await revoked();
    await authority.publishCrl(admin, 'issuing');
    expect(listedNow(urgent)).toBe(true);
  });

  test('a file that can’t be looked at keeps no other CRL from being renewed', async () => {
    const [blocked, other] = [issuerId, chancery.root.issuerId].sort();
    const { publisher } = chancery.dependencies;
    const node = await chancery.node('half-blind', {
      dependencies: {
        publisher: {
          ...publisher,
          open: async (path) =>
            path.includes(String(blocked))
              ? Promise.reject(new ChanceryError('internal', { message: 'EIO of the disk' }))
              : publisher.open(path),
        },
      },
    });
    const before = chancery.crl(other).crlNumber ?? 0n;
    clock.advance(day / 2);
    await node.authority.tick();
    await node.authority.drain();
    expect(chancery.crl(other).crlNumber).toBeGreaterThan(before);
    expect((await node.authority.checkReadiness()).reasons.join()).toContain('EIO of the disk');
    await authority.tick();
    await authority.drain();
  });

  test('a failure shows in readiness and is made good by the schedule, though nothing else is due', async () => {
    await authority.publishCrl(admin, 'issuing');
    const node = await chancery.node('failing');
    node.beforeSign = async () => {
      throw new ChanceryError('tokenUnavailable', { message: 'the token is away' });
    };
    expect(await refusal(node.authority.publishCrl(admin, 'issuing'))).toBe('tokenUnavailable');
    expect((await node.authority.checkReadiness()).reasons.join()).toContain('the token is away');
    node.beforeSign = async () => undefined;
    clock.advance(6);
    await node.authority.tick();
    await node.authority.drain();
    expect((await node.authority.checkReadiness()).reasons.join()).not.toContain('away');
  });

  test('an issuer without its chain has no CRL, and asking for it makes nobody unready', async () => {
    await authority.createIssuer(admin, {
      name: 'waiting',
      kind: 'external',
      keyAlgorithm: 'p256',
    });
    expect(await refusal(authority.publishCrl(admin, 'waiting'))).toBe('illegalTransition');
    expect((await authority.checkReadiness()).reasons).toEqual([]);
  });

  test('an issuer made by another node is served by this one, too', async () => {
    const node = await chancery.node('maker');
    await authority.listCrls(admin);
    const made = await node.authority.createIssuer(admin, {
      name: 'made-elsewhere',
      kind: 'subordinate',
      parent: 'root',
      keyAlgorithm: 'p256',
    });
    const { crlNumber } = chancery.crl(made.issuerId);
    await authority.checkReadiness();
    clock.advance(day / 2);
    await authority.tick();
    await authority.drain();
    expect(chancery.crl(made.issuerId).crlNumber).toBeGreaterThan(crlNumber ?? 0n);
  });
});

describe('T-CRL-7: an entry leaves only after one CRL issued past notAfter', () => {
  test('an hour before and an hour after expiry it is listed, after that one CRL it is gone', async () => {
    const record = await revoked({ days: 30 });
    const publish = async () => {
      await authority.publishCrl(admin, 'issuing');
      return listedNow(record);
    };
    clock.set(new Date(record.notAfter.getTime() - 3_600_000));
    expect(await publish()).toBe(true);
    clock.set(record.notAfter);
    expect(await publish()).toBe(true);
    clock.advance(3600);
    expect(await publish()).toBe(true);
    clock.advance(1);
    expect(await publish()).toBe(false);
  });

  test('nobody published for two days around its expiry: the first CRL after still lists it', async () => {
    const record = await revoked({ days: 30 });
    await authority.publishCrl(admin, 'issuing');
    clock.set(new Date(record.notAfter.getTime() + 48 * 3_600_000));
    await authority.publishCrl(admin, 'issuing');
    expect(listedNow(record)).toBe(true);
    clock.advance(1);
    await authority.publishCrl(admin, 'issuing');
    expect(listedNow(record)).toBe(false);
  });

  test('one that is revoked after its expiry is listed once all the same', async () => {
    const { record } = await chancery.issue({ days: 1 });
    clock.advance(3 * day);
    await authority.publishCrl(admin, 'issuing');
    clock.advance(60);
    await authority.revokeCertificate(admin, {
      serialNumber: record.serialNumber,
      reasonCode: 'keyCompromise',
    });
    await authority.publishCrl(admin, 'issuing');
    expect(listedNow(record)).toBe(true);
    clock.advance(day);
    await authority.publishCrl(admin, 'issuing');
    await authority.publishCrl(admin, 'issuing');
    expect(listedNow(record)).toBe(false);
  });
});

describe('T-CRL-8: consecutive CRLs are compared', () => {
  test('an unexpired serial number that vanished raises an alarm, and the old CRL stays', async () => {
    const record = await revoked();
    await authority.publishCrl(admin, 'issuing');
    const before = chancery.crl().crlNumber;
    // What a bug in a lookback, a lost row or an intruder would do.
    await chancery.sql('DELETE FROM certificate_status WHERE serial_number = $1', [
      record.serialNumber,
    ]);
    expect(await refusal(authority.publishCrl(admin, 'issuing'))).toBe('issuanceHalted');
    expect(chancery.crl().crlNumber).toBe(before);
    expect(listedNow(record)).toBe(true);
    const alarm = chancery.log.findLast(({ level }) => level === 'alarm');
    expect(alarm?.fields['serialNumbers'] ?? alarm?.fields['cause']).toBeDefined();
    expect(
      chancery.log.some(({ fields }) =>
        JSON.stringify(fields['serialNumbers'] ?? '').includes(record.serialNumber),
      ),
    ).toBe(true);
    expect((await authority.checkReadiness()).ready).toBe(false);
    await chancery.sql(
      `INSERT INTO certificate_status (certificate_id, not_after, not_good_since, shard, tenant, issuer_id, serial_number, status, reason_code)
       SELECT id, not_after, $2, shard, tenant, issuer_id, serial_number, 'revoked', 'superseded' FROM certificates WHERE serial_number = $1`,
      [record.serialNumber, clock.now()],
    );
    await authority.publishCrl(admin, 'issuing');
    expect((await authority.checkReadiness()).reasons.join()).not.toContain('vanish');
  });

  test('a hold may vanish when it was released, and only then', async () => {
    const { record } = await chancery.issue();
    const ref = { serialNumber: record.serialNumber };
    await authority.holdCertificate(admin, ref);
    await authority.publishCrl(admin, 'issuing');
    await chancery.sql(
      "UPDATE certificate_status SET status = 'good', not_good_since = NULL, reason_code = NULL, hold_cause = NULL WHERE serial_number = $1",
      [record.serialNumber],
    );
    expect(await refusal(authority.publishCrl(admin, 'issuing'))).toBe('issuanceHalted');
    await chancery.sql(
      "UPDATE certificate_status SET status = 'onHold', not_good_since = $2, reason_code = 'certificateHold', hold_cause = 'other' WHERE serial_number = $1",
      [record.serialNumber, clock.now()],
    );
    await authority.releaseCertificate(admin, ref);
    await authority.publishCrl(admin, 'issuing');
    expect(listedNow(record)).toBe(false);
  });
});

test('the CRL is the issuer’s: number, key identifier and distribution point byte for byte', async () => {
  const { certificate } = await chancery.issue();
  await authority.publishCrl(admin, 'issuing');
  const list = chancery.crl();
  const { urls } = chancery.issuing;
  expect(Buffer.from(certificate).includes(Buffer.from(urls.crl))).toBe(true);
  expect(Buffer.from(list.der).includes(Buffer.from(urls.crl))).toBe(true);
  expect(list.nextUpdate?.getTime()).toBe(list.thisUpdate.getTime() + day * 1000);
});
