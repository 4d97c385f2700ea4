/** A process that reads the delegates of another: what is withdrawn never signs while it is read again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { confirmedKey } from '../../../ocsp/delegate-slot.ts';
import { DelegateStore, delegatePurposes } from '../../../ocsp/delegate-store.ts';
import { Delegates } from '../../../ocsp/delegates.ts';
import { FormerKeys } from '../../../ocsp/former-keys.ts';
import { KeyStandings } from '../../../ocsp/key-standings.ts';
import type { StatusRecord } from '../../../ocsp/ports.ts';
import { StatusLookup } from '../../../ocsp/status-lookup.ts';
import { defaultSignatureAlgorithm, parseSubjectPublicKeyInfo } from '../../../src/pkix/index.ts';
import { MemoryStatus } from '../../support/memory-status.ts';
import { until } from '../../support/quickstart-run.ts';
import { softwareToken } from '../../support/software-token.ts';
import { delegateExtensions, testCertificate, testIssuer } from '../../support/test-hierarchy.ts';

const folder = mkdtempSync(join(tmpdir(), 'chancery-delegates-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const clock = { now: () => new Date() };

it('neither before its status was looked up, nor while a withdrawn one is read again', async () => {
  const issuer = testIssuer('Delegating');
  const { issuerId } = issuer;
  const known = [{ ...issuer, certifiedBy: issuerId }] as unknown as Parameters<
    Delegates['maintain']
  >[0];
  const token = softwareToken();
  const store = new DelegateStore(folder, () => undefined);
  const key = await token.generateKeyPair({
    keyAlgorithm: 'p256',
    signatureAlgorithm: defaultSignatureAlgorithm('p256', 'pkcs1').name,
    purposes: delegatePurposes,
    label: 'delegate',
  });
  const { certificate } = testCertificate(issuer, {
    subject: 'CN=delegate',
    publicKey: parseSubjectPublicKeyInfo(key.subjectPublicKeyInfo),
    extensions: delegateExtensions,
  });
  await store.writeKey(issuerId, 'p256', key);
  await store.writeCertificate(issuerId, certificate);
  const record = (status: StatusRecord['status']): StatusRecord => ({
    issuerId,
    ...{ serialNumber: certificate.serialNumber, notAfter: certificate.validity.notAfter },
    ...{ issuanceState: 'issued', status },
  });
  const status = new MemoryStatus();
  status.addIssuer(issuer);
  status.put(record('good'));
  let pass: (() => void) | undefined;
  const lookup = new StatusLookup(
    {
      issuers: async () => status.issuers(),
      changesSince: async (cursor, limit) => status.changesSince(cursor, limit),
      lookup: async (of, serials) => {
        await new Promise<void>((done) => {
          pass = done;
        });
        return status.lookup(of, serials);
      },
    },
    clock,
    60_000,
  );
  const standings = new KeyStandings(status, clock, () => undefined);
  const delegates = new Delegates({
    ...{ store, lookup, clock, token, enrols: false, keyAlgorithms: ['p256'] },
    enrolment: {
      generateKey: async () => Promise.reject(new Error('another process does')),
      enrol: async () => Promise.reject(new Error('another process does')),
    },
    standings,
    former: new FormerKeys({
      folder: join(folder, 'former'),
      token,
      standings,
      clock,
      log: () => undefined,
    }),
    signatures: () => 0,
    log: () => undefined,
    withdrawn: () => undefined,
  });
  const current = () => delegates.current(issuerId, clock.now())?.certificate.serialNumber;
  const looking = async (): Promise<() => void> => {
    pass = undefined;
    let reading: Promise<void> | undefined;
    await until('the status to be asked for', () => {
      reading ??= delegates.maintain(known);
      void reading.then(() => {
        reading = undefined;
      });
      return pass !== undefined;
    });
    return pass ?? (() => undefined);
  };

  const first = await looking();
  expect(current()).toBeUndefined();
  first();
  await until('the delegate', () => current() === certificate.serialNumber);
  status.put(record('revoked'));
  delegates.noteStatus(record('revoked'));
  expect(current()).toBeUndefined();
  const again = await looking();
  expect(current()).toBeUndefined();
  again();
});

it('a key that was suspended before the process began signs nothing from its first moment on', async () => {
  const token = softwareToken();
  const status = new MemoryStatus();
  const key = await token.generateKeyPair({
    keyAlgorithm: 'p256',
    signatureAlgorithm: 'ecdsa-with-SHA256',
    purposes: delegatePurposes,
    label: 'delegate',
  });
  const { keyId } = key;
  status.standings.set(keyId, { keyId, state: 'suspended' });
  const standings = new KeyStandings(status, clock, () => undefined);
  const told: string[] = [];
  const confirmed = await confirmedKey(
    {
      ...{ standings, log: () => undefined },
      token: {
        bind: async ([binding]) => {
          told.push(binding?.life.state ?? '');
          return Promise.resolve();
        },
      },
    },
    'a1',
    { ...key, life: { state: 'active', scope: 'full' } },
  );
  expect(told).toEqual(['suspended']);
  expect(confirmed?.life.state).toBe('suspended');
  expect(standings.maySign(keyId)).toBe(false);
});
