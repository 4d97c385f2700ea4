import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StatusState } from '../../../src/domain/index.ts';
import { openStorage, type Storage } from '../../../src/storage/index.ts';
import {
  auditRecordOf,
  certificateOver,
  change,
  drawSerialNumber,
  issuerId,
  onHold,
  preparedRecord,
  revoked,
  sha256,
  tenant,
} from '../../support/inventory-records.ts';
import { testDatabase } from '../../support/postgres.ts';

let storage: Storage;

beforeAll(async () => {
  const database = await testDatabase('inventory');
  storage = await openStorage({ url: database.applicationUrl });
});
afterAll(async () => await storage.close());

/** A certificate that was prepared and issued. */
async function issued(changes: Parameters<typeof preparedRecord>[0] = {}) {
  const record = preparedRecord(changes);
  const certificate = certificateOver(record.tbsCertificate);
  const issuedAt = new Date('2026-11-21T10:00:01Z');
  await storage.unitOfWork.run(async ({ inventory }) => {
    await inventory.insertPrepared(record);
    await inventory.markIssued(tenant, record.issuerId, record.serialNumber, certificate, issuedAt);
  });
  return { ...record, issuanceState: 'issued' as const, certificate, issuedAt };
}

describe('issuance', () => {
  test('what is prepared is found again, member by member, with the exact TBS', async () => {
    const record = preparedRecord({
      approval: 'ap-1',
      idempotencyKey: 'k-1',
      replaces: `${issuerId}/1a`,
      tags: ['blue', 'with "quotes", {braces} and \\'],
      policies: ['1.3.6.1.4.1.99999.1'],
      names: ['DNS:ünï.example', 'email:a%b_c@example', 'URI:https://x/?a=1,2'],
      notAfter: new Date('9999-12-31T23:59:59Z'),
      shard: 3,
    });
    await storage.unitOfWork.run(async ({ inventory }) => await inventory.insertPrepared(record));
    const found = await storage.unitOfWork.read(
      async ({ inventory }) => await inventory.find(tenant, issuerId, record.serialNumber),
    );
    expect(found).toEqual(record);
  });

  test('issued returns the certificate byte for byte, and once only', async () => {
    const record = await issued();
    const found = await storage.unitOfWork.read(
      async ({ inventory }) => await inventory.findBySerialNumber(tenant, record.serialNumber),
    );
    expect(found).toEqual([record]);
    const again = await storage.unitOfWork.run(
      async ({ inventory }) =>
        await inventory.markIssued(
          tenant,
          issuerId,
          record.serialNumber,
          record.certificate,
          new Date(),
        ),
    );
    expect(again).toBe(false);
  });

  test('a certificate that does not hold the committed TBS is refused', async () => {
    const record = preparedRecord();
    await storage.unitOfWork.run(async ({ inventory }) => await inventory.insertPrepared(record));
    for (const other of [
      certificateOver(preparedRecord().tbsCertificate),
      certificateOver(
        Uint8Array.from([0x30, 0x0a, ...Array<number>(10).fill(0), ...record.tbsCertificate]),
      ),
    ]) {
      await expect(
        storage.unitOfWork.run(
          async ({ inventory }) =>
            await inventory.markIssued(tenant, issuerId, record.serialNumber, other, new Date()),
        ),
      ).rejects.toThrow();
    }
    const found = await storage.unitOfWork.read(
      async ({ inventory }) => await inventory.find(tenant, issuerId, record.serialNumber),
    );
    expect(found?.issuanceState).toBe('prepared');
  });

  test('a taken serial number is refused before any signature, and the transaction goes on', async () => {
    const first = await issued();
    const second = drawSerialNumber();
    await storage.unitOfWork.run(async ({ inventory }) => {
      await expect(
        inventory.insertPrepared(preparedRecord({ serialNumber: first.serialNumber })),
      ).rejects.toMatchObject({ code: 'alreadyExists' });
      await inventory.insertPrepared(preparedRecord({ serialNumber: second }));
    });
    // The same number under another issuer is another certificate.
    const other = await issued({ serialNumber: second, issuerId: 'b2'.repeat(20) });
    const found = await storage.unitOfWork.read(
      async ({ inventory }) => await inventory.findBySerialNumber(tenant, second),
    );
    expect(found.map((record) => record.issuerId)).toEqual([issuerId, other.issuerId]);
  });

  test('abandoned counts as revoked, is settled once and never becomes issued', async () => {
    const record = preparedRecord();
    const abandon = async () =>
      await storage.unitOfWork.run(
        async ({ inventory }) =>
          await inventory.markAbandoned(
            tenant,
            issuerId,
            record.serialNumber,
            revoked,
            change('revoke', { reasonCode: 'superseded' }),
          ),
      );
    await storage.unitOfWork.run(async ({ inventory }) => await inventory.insertPrepared(record));
    expect(await abandon()).toBe(true);
    expect(await abandon()).toBe(false);
    await storage.unitOfWork.run(async ({ inventory }) => {
      const late = certificateOver(record.tbsCertificate);
      expect(
        await inventory.markIssued(tenant, issuerId, record.serialNumber, late, new Date()),
      ).toBe(false);
      const found = await inventory.find(tenant, issuerId, record.serialNumber);
      expect(found).toMatchObject({ issuanceState: 'abandoned', status: revoked });
      expect(found?.certificate).toBeUndefined();
      expect(await inventory.history(tenant, issuerId, record.serialNumber)).toHaveLength(1);
    });
  });

  test('prepared rows that wait are listed, oldest first, until they are settled', async () => {
    const owner = 'waiting';
    const old = preparedRecord({ owner, requestedAt: new Date('2020-01-01T00:00:00Z') });
    const older = preparedRecord({ owner, requestedAt: new Date('2019-01-01T00:00:00Z') });
    const list = async () =>
      await storage.unitOfWork.read(
        async ({ inventory }) =>
          await inventory.listPrepared(tenant, new Date('2020-06-01T00:00:00Z'), 10),
      );
    await storage.unitOfWork.run(async ({ inventory }) => {
      await inventory.insertPrepared(old);
      await inventory.insertPrepared(older);
    });
    expect((await list()).map((record) => record.serialNumber)).toEqual([
      older.serialNumber,
      old.serialNumber,
    ]);
    await storage.unitOfWork.run(
      async ({ inventory }) =>
        await inventory.markIssued(
          tenant,
          issuerId,
          older.serialNumber,
          certificateOver(older.tbsCertificate),
          new Date(),
        ),
    );
    expect((await list()).map((record) => record.serialNumber)).toEqual([old.serialNumber]);
  });

  test('the uses of a key are found by its hash', async () => {
    const { type, serialNumber, subject, names, owner, spkiHash } = await issued();
    await storage.unitOfWork.read(async ({ inventory }) => {
      const use = { type, issuerId, serialNumber, subject, names, owner };
      expect(await inventory.findKeyUses(tenant, spkiHash, 10)).toEqual([use]);
      expect(await inventory.findKeyUses(tenant, '00'.repeat(32), 10)).toEqual([]);
      expect(await inventory.findBySpkiHash(tenant, spkiHash, 10)).toMatchObject([use]);
    });
  });

  test('what a key has on hold is found by its hash, and nothing else of it', async () => {
    const held = await issued();
    const find = async (spkiHash: string, now: Date, ofTenant = tenant) =>
      await storage.unitOfWork.readOne(async ({ inventory }) =>
        (await inventory.findHeld(ofTenant, spkiHash, now)).map(({ serialNumber }) => serialNumber),
      );
    const { spkiHash, serialNumber, notBefore, notAfter } = held;
    expect(await find(spkiHash, notBefore)).toEqual([]);
    await storage.unitOfWork.run(async ({ inventory }) => {
      await inventory.changeStatus(tenant, issuerId, serialNumber, onHold, change('hold'));
    });
    expect(await find(spkiHash, notBefore)).toEqual([serialNumber]);
    expect(await find(spkiHash, notAfter)).toEqual([]);
    expect(await find('00'.repeat(32), notBefore)).toEqual([]);
    expect(await find(spkiHash, notBefore, 'other')).toEqual([]);
  });

  test('nothing of another tenant is found', async () => {
    const record = await issued();
    await storage.unitOfWork.read(async ({ inventory }) => {
      expect(await inventory.find('other', issuerId, record.serialNumber)).toBeUndefined();
      expect(await inventory.findBySerialNumber('other', record.serialNumber)).toEqual([]);
      expect(await inventory.findBySpkiHash('other', record.spkiHash, 10)).toEqual([]);
      expect(await inventory.findKeyUses('other', record.spkiHash, 10)).toEqual([]);
    });
  });
});

describe('status', () => {
  test('hold, release, hold, revoke: each is in the history, the last one counts', async () => {
    const { serialNumber } = await issued();
    const steps = [
      [onHold, change('hold', { cause: 'investigation', comment: 'why' })],
      [{ status: 'good' }, change('release')],
      [onHold, change('hold', { cause: 'other' })],
      [
        revoked,
        change('revoke', {
          reasonCode: 'superseded',
          invalidityDate: new Date('2026-11-02T00:00:00Z'),
        }),
      ],
    ] as const;
    for (const [state, step] of steps) {
      await storage.unitOfWork.run(async ({ inventory }) => {
        await inventory.findForUpdate(tenant, issuerId, serialNumber);
        await inventory.changeStatus(tenant, issuerId, serialNumber, state, step);
      });
    }
    await storage.unitOfWork.read(async ({ inventory }) => {
      const history = await inventory.history(tenant, issuerId, serialNumber);
      expect(history).toEqual(
        steps.map(([, step]) => expect.objectContaining({ issuerId, serialNumber, ...step })),
      );
      expect(history.map((entry) => entry.statusAfter)).toEqual([
        'onHold',
        'good',
        'onHold',
        'revoked',
      ]);
      expect((await inventory.find(tenant, issuerId, serialNumber))?.status).toEqual(revoked);
    });
  });

  test('the database itself refuses what the status machine refuses', async () => {
    const { serialNumber } = await issued();
    const apply = async (state: StatusState) => await set(serialNumber, state);
    await expect(apply({ status: 'good' })).rejects.toMatchObject({ code: 'illegalTransition' });
    await apply(onHold);
    await expect(apply(onHold)).rejects.toMatchObject({ code: 'illegalTransition' });
    await expect(
      apply({ ...revoked, notGoodSince: new Date('2026-11-21T12:00:00Z') }),
    ).rejects.toMatchObject({ code: 'illegalTransition' });
    await apply(revoked);
    await expect(apply({ status: 'good' })).rejects.toMatchObject({ code: 'illegalTransition' });
    await expect(apply(onHold)).rejects.toMatchObject({ code: 'illegalTransition' });
    await expect(apply({ ...revoked, reasonCode: 'affiliationChanged' })).rejects.toMatchObject({
      code: 'illegalTransition',
    });
    await apply({ ...revoked, reasonCode: 'keyCompromise' });
  });

  async function set(serialNumber: string, state: StatusState) {
    await storage.unitOfWork.run(
      async ({ inventory }) =>
        await inventory.changeStatus(tenant, issuerId, serialNumber, state, change('revoke')),
    );
  }

  test('a change of what is not there is notFound, and nothing is written', async () => {
    await expect(
      storage.unitOfWork.run(
        async ({ inventory }) =>
          await inventory.changeStatus(tenant, issuerId, 'ffff', onHold, change('hold')),
      ),
    ).rejects.toMatchObject({ code: 'notFound' });
  });

  test('two at once wait for each other; the second sees what the first committed', async () => {
    const { serialNumber } = await issued();
    const seen: string[] = [];
    const hold = async () =>
      await storage.unitOfWork.run(async ({ inventory }) => {
        const found = await inventory.findForUpdate(tenant, issuerId, serialNumber);
        seen.push(found?.status.status ?? 'none');
        if (found?.status.status === 'good') {
          await inventory.changeStatus(tenant, issuerId, serialNumber, onHold, change('hold'));
        }
      });
    await Promise.all([hold(), hold(), hold(), hold()]);
    expect(seen.sort()).toEqual(['good', 'onHold', 'onHold', 'onHold']);
  });

  test('a hold past its deadline is due until it is handled', async () => {
    const { serialNumber } = await issued();
    const until = new Date('2026-11-22T00:00:00Z');
    const due = async (now: string) =>
      await storage.unitOfWork.read(async ({ inventory }) =>
        (await inventory.listDueHolds(tenant, new Date(now), 10)).map((one) => one.serialNumber),
      );
    await set(serialNumber, { ...onHold, holdUntil: until, holdThen: 'alarm' });
    expect(await due('2026-11-21T23:59:59Z')).toEqual([]);
    expect(await due('2026-11-22T00:00:00Z')).toEqual([serialNumber]);
    await storage.unitOfWork.run(
      async ({ inventory }) =>
        await inventory.markHoldAlarmed(tenant, issuerId, serialNumber, new Date()),
    );
    expect(await due('2026-11-23T00:00:00Z')).toEqual([]);
  });

  test('blocked keys are known by their hash', async () => {
    const hash = sha256('blocked');
    await storage.unitOfWork.run(async ({ inventory }) => {
      expect(await inventory.isKeyBlocked(tenant, hash)).toBe(false);
      await inventory.blockKey(tenant, hash, 'keyCompromise', new Date(), 'admin');
      await inventory.blockKey(tenant, hash, 'keyCompromise', new Date(), 'admin');
      expect(await inventory.isKeyBlocked(tenant, hash)).toBe(true);
    });
  });
});

describe('an act and its audit record', () => {
  test('are committed together, or neither', async () => {
    const record = preparedRecord();
    const object = `${issuerId}/${record.serialNumber}`;
    await expect(
      storage.unitOfWork.run(async ({ inventory, audit }) => {
        await inventory.insertPrepared(record);
        await audit.append(auditRecordOf('certificate.issue', object));
        throw new Error('the work failed');
      }),
    ).rejects.toThrow('the work failed');
    const refused = { ...auditRecordOf('certificate.issue', object), outcome: 'lost' as 'done' };
    await expect(
      storage.unitOfWork.run(async ({ inventory, audit }) => {
        await inventory.insertPrepared(record);
        await audit.append(refused);
      }),
    ).rejects.toThrow();
    await storage.unitOfWork.read(async ({ inventory, audit }) => {
      expect(await inventory.find(tenant, issuerId, record.serialNumber)).toBeUndefined();
      expect(await audit.list({ tenant, object, limit: 10 })).toEqual([]);
    });
  });

  test('records come back in order, with their canonical bytes, by act and object', async () => {
    const written = ['x.one', 'x.two', 'x.one'].map((act, index) =>
      auditRecordOf(act, `object-${index}`),
    );
    await storage.unitOfWork.run(async ({ audit }) => {
      for (const record of written) await audit.append(record);
    });
    await storage.unitOfWork.read(async ({ audit }) => {
      const found = await audit.list({ tenant, act: 'x.one', limit: 10 });
      expect(found).toMatchObject([written[0], written[2]]);
      const after = found[0]?.id;
      expect(
        (await audit.list({ tenant, act: 'x.one', after, limit: 10 })).map((r) => r.object),
      ).toEqual(['object-2']);
      expect(await audit.list({ tenant, object: "object-1' OR true --", limit: 10 })).toEqual([]);
    });
  });
});
