import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStorage, type Storage } from '../../../src/storage/index.ts';
import {
  certificateOver,
  change,
  issuerId,
  onHold,
  preparedRecord,
  sha256,
  tenant,
} from '../../support/inventory-records.ts';
import { testDatabase } from '../../support/postgres.ts';

let storage: Storage;

beforeAll(async () => {
  const database = await testDatabase('principals');
  storage = await openStorage({ url: database.applicationUrl });
});
afterAll(async () => await storage.close());

describe('principals', () => {
  const principal = {
    id: 'p-1',
    tenant,
    name: 'service',
    role: 'subscriber' as const,
    createdAt: new Date('2026-11-20T00:00:00Z'),
    createdBy: 'admin',
  };
  const credential = {
    id: 'c-1',
    tenant,
    principalId: 'p-1',
    tokenHash: sha256('token'),
    scope: ['certificates:issue' as const],
    createdAt: new Date('2026-11-20T00:00:00Z'),
    notAfter: new Date('2027-11-20T00:00:00Z'),
  };
  const unscoped = { ...credential, id: 'c-2', tokenHash: sha256('other') };

  test('with credentials by the hash of their token and bindings by the hash of the certificate', async () => {
    const { scope: _scope, ...withoutScope } = unscoped;
    const binding = {
      tenant,
      principalId: 'p-1',
      certificateHash: sha256('certificate'),
      issuerId,
      serialNumber: '1b2c',
      boundAt: new Date('2026-11-20T00:00:00Z'),
    };
    await storage.unitOfWork.run(async ({ principals }) => {
      await principals.insert(principal);
      await principals.insertCredential(credential);
      await principals.insertCredential(withoutScope);
      await principals.bindCertificate(binding);
      expect(await principals.findByName(tenant, 'service')).toEqual(principal);
      expect(await principals.findCredential(tenant, 'c-2')).toEqual(withoutScope);
      expect(await principals.listCredentials(tenant, 'p-2')).toEqual([]);
      expect(await principals.listCredentials(tenant)).toHaveLength(2);
      expect(await principals.findBindingBySerial(issuerId, '1b2c')).toEqual(binding);
    });
  });

  test('a token is found with its principal, and what decides whether it counts', async () => {
    await storage.unitOfWork.readOne(async ({ principals }) => {
      const { scope, notAfter } = credential;
      expect(await principals.findCredentialOwner(sha256('token'))).toEqual({
        principal,
        scope,
        notAfter,
        revokedAt: undefined,
      });
      expect((await principals.findCredentialOwner(sha256('other')))?.scope).toBeUndefined();
      expect(await principals.findCredentialOwner(sha256('another'))).toBeUndefined();
    });
  });

  test('a bound certificate is found with its principal and its status now', async () => {
    const record = preparedRecord();
    const { serialNumber } = record;
    const certificate = certificateOver(record.tbsCertificate);
    const certificateHash = sha256(certificate);
    const bound = async () =>
      storage.unitOfWork.readOne(async ({ principals }) =>
        principals.findBoundCertificate(certificateHash),
      );
    await storage.unitOfWork.run(async ({ principals, inventory }) => {
      await inventory.insertPrepared(record);
      await principals.bindCertificate({
        tenant,
        principalId: 'p-1',
        certificateHash,
        issuerId,
        serialNumber,
        boundAt: new Date('2026-11-20T00:00:00Z'),
      });
    });
    const { notBefore, notAfter } = record;
    const expected = { principal, status: 'good', notBefore, notAfter };
    expect(await bound()).toEqual({
      ...expected,
      issuanceState: 'prepared',
      certificate: undefined,
    });
    await storage.unitOfWork.run(async ({ inventory }) =>
      inventory.markIssued(tenant, issuerId, serialNumber, certificate, new Date()),
    );
    expect(await bound()).toEqual({ ...expected, issuanceState: 'issued', certificate });
    await storage.unitOfWork.run(async ({ inventory }) =>
      inventory.changeStatus(tenant, issuerId, serialNumber, onHold, change('hold')),
    );
    expect((await bound())?.status).toBe('onHold');
    await storage.unitOfWork.readOne(async ({ principals }) => {
      expect(await principals.findBoundCertificate(sha256('another'))).toBeUndefined();
    });
  });

  test('a revoked credential keeps the time of its first revocation', async () => {
    const first = new Date('2026-11-21T00:00:00Z');
    await storage.unitOfWork.run(async ({ principals }) => {
      await principals.revokeCredential(tenant, 'c-1', first);
      await principals.revokeCredential(tenant, 'c-1', new Date('2026-11-22T00:00:00Z'));
      expect((await principals.findCredential(tenant, 'c-1'))?.revokedAt).toEqual(first);
      await expect(principals.revokeCredential(tenant, 'none', first)).rejects.toMatchObject({
        code: 'notFound',
      });
    });
  });
});
