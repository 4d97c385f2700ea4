import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type KeyAct,
  keyActs,
  keyStates,
  nextKeyStates,
  type TenantId,
} from '../../../src/domain/index.ts';
import type { NewKeyRecord } from '../../../src/keys/ports.ts';
import { openStorage, type Storage } from '../../../src/storage/index.ts';
import { testDatabase } from '../../support/postgres.ts';

const tenant: TenantId = 'default';
const at = new Date('2026-11-20T00:00:00Z');
const change = { at, by: 'admin', reason: 'made for a test' };

let storage: Storage;
let made = 0;

beforeAll(async () => {
  const database = await testDatabase('key_inventory');
  storage = await openStorage({ url: database.applicationUrl });
});
afterAll(async () => await storage.close());

function newKey(): NewKeyRecord {
  made += 1;
  const keyId = made.toString(16).padStart(40, '0');
  return {
    tenant,
    keyId,
    type: 'ca',
    record: keyId,
    version: 1,
    label: 'issuing 1',
    tokenRole: 'issuing',
    owner: 'admin',
    origin: 'generated',
    createdAt: at,
    purposes: ['certificate', 'crl'],
    algorithm: 'ecdsa-with-SHA256',
    keyAlgorithm: 'p256',
    subjectPublicKeyInfo: Uint8Array.of(1, 2),
    token: {
      label: 'issuing',
      serialNumber: '1',
      manufacturer: 'SoftHSM',
      model: 'v2',
      firmwareVersion: '2.6',
      hardware: false,
    },
    attributes: {
      token: true,
      private: true,
      sensitive: true,
      alwaysSensitive: true,
      extractable: false,
      neverExtractable: true,
      local: true,
      sign: true,
      decrypt: false,
      unwrap: false,
      derive: false,
      modifiable: false,
      copyable: false,
    },
  };
}

async function inserted(): Promise<NewKeyRecord> {
  const key = newKey();
  await storage.unitOfWork.run(async ({ keys }) => await keys.insert(key, change));
  return key;
}

async function step(keyId: string, act: KeyAct): Promise<void> {
  await storage.unitOfWork.run(async ({ keys }) => {
    const key = await keys.findForUpdate(tenant, keyId);
    if (key === undefined) throw new Error('no key');
    const { halves, steps } = nextKeyStates(
      { private: key.privateState, public: key.publicState },
      act,
    );
    await keys.changeState(tenant, keyId, halves, steps, { ...change, act });
  });
}

describe('a key record (SP 800-57 Part 1 §6.2.3)', () => {
  test('comes back as it was written, in pre-activation, with its first transition', async () => {
    const key = await inserted();
    const found = await storage.unitOfWork.read(async ({ keys }) => keys.find(tenant, key.keyId));
    expect(found).toEqual({
      ...key,
      privateState: 'pre-activation',
      publicState: 'pre-activation',
      stateSince: at,
      scope: 'full',
      cryptoperiod: {},
    });
    await step(key.keyId, 'activate');
    await step(key.keyId, 'destroy');
    const history = await storage.unitOfWork.read(async ({ keys }) =>
      keys.transitions(tenant, key.keyId),
    );
    expect(history.map(({ half, number, to }) => [half, number, to])).toEqual([
      ['private', 1, 'pre-activation'],
      ['public', 1, 'pre-activation'],
      ['private', 4, 'active'],
      ['public', 4, 'active'],
      ['private', 5, 'destroyed'],
      ['public', 8, 'deactivated'],
    ]);
  });

  test('its block is kept', async () => {
    const key = await inserted();
    await storage.unitOfWork.run(async ({ keys }) => {
      await keys.block(tenant, key.keyId, 'wrong signature');
      expect(await keys.find(tenant, key.keyId)).toMatchObject({
        blockedReason: 'wrong signature',
      });
    });
  });
});

describe('the database refuses to the application', () => {
  test('every step that SP 800-57 does not have, and a state without a step', async () => {
    const key = await inserted();
    for (const to of keyStates.filter((state) => state !== 'pre-activation')) {
      // The machine would refuse: the steps are written around it.
      const forged = storage.unitOfWork.run(
        async ({ keys }) =>
          await keys.changeState(
            tenant,
            key.keyId,
            { private: to, public: to },
            [{ half: 'private', number: 10, from: 'suspended', to }],
            { ...change, act: 'resume' },
          ),
      );
      await expect(forged, to).rejects.toThrow();
      const silent = storage.unitOfWork.run(
        async ({ keys }) =>
          await keys.changeState(tenant, key.keyId, { private: to, public: to }, [], {
            ...change,
            act: keyActs[0],
          }),
      );
      await expect(silent, to).rejects.toThrow();
    }
  });

  test('a scope that widens again', async () => {
    const key = await inserted();
    await storage.unitOfWork.run(async ({ keys }) => keys.setScope(tenant, key.keyId, 'status'));
    await expect(
      storage.unitOfWork.run(async ({ keys }) => keys.setScope(tenant, key.keyId, 'full')),
    ).rejects.toThrow();
  });
});

describe('signatures under a limit', () => {
  test('are shared out to nodes, never more than the limit, however many ask at once', async () => {
    const key = await inserted();
    await storage.unitOfWork.run(async ({ keys }) =>
      keys.setCryptoperiod(tenant, key.keyId, {}, 100),
    );
    await Promise.all(
      Array.from({ length: 8 }, async (_, index) =>
        storage.unitOfWork.run(async ({ keys }) =>
          keys.allot(tenant, key.keyId, `node ${index % 3}`, 30, at),
        ),
      ),
    );
    const usage = await storage.unitOfWork.read(async ({ keys }) => keys.usage(tenant));
    const own = usage.filter(({ keyId }) => keyId === key.keyId);
    expect(own.reduce((sum, { allotted }) => sum + allotted, 0)).toBe(100);
  });

  test('a count never goes down', async () => {
    const key = await inserted();
    const count = async (signatures: number): Promise<void> =>
      storage.unitOfWork.run(async ({ keys }) =>
        keys.countSignatures(tenant, key.keyId, 'a', signatures, at),
      );
    await count(7);
    await count(5);
    const usage = await storage.unitOfWork.read(async ({ keys }) => keys.usage(tenant));
    expect(usage.filter(({ keyId }) => keyId === key.keyId)).toMatchObject([{ signatures: 7 }]);
  });
});
