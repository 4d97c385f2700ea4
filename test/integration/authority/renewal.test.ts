import { describe, expect, test } from 'vitest';
import type { CertificateRecord } from '../../../src/authority/ports.ts';
import { encodeSubjectAltName } from '../../../src/pkix/index.ts';
import {
  admin,
  csrFor,
  freshKey,
  principal,
  refusal,
  testAuthority,
} from '../../support/authority.ts';
import { makeRequest } from '../../support/software-issuer.ts';

const chancery = await testAuthority('renewal');
const { authority } = chancery;
const operator = principal('operator');
const alice = principal('subscriber', 'alice');
const mallory = principal('subscriber', 'mallory');

const refOf = ({ serialNumber, issuerId }: CertificateRecord) => ({
  serialNumber,
  issuer: issuerId,
});

describe('T-REN-1: a renewal is bound to what its holder has (Dogtag CVE-2021-20179)', () => {
  test('the holder renews with the same key and rekeys with another; names and profile stay', async () => {
    const key = freshKey();
    const { record } = await chancery.issue({ dns: 'a.example.test', key, as: alice });
    const csr = csrFor(key, 'a.example.test');
    const renewed = await authority.renewCertificate(alice, { ...refOf(record), csr });
    expect(renewed.record).toMatchObject({
      spkiHash: record.spkiHash,
      names: record.names,
      profileName: record.profileName,
      owner: 'alice',
      replaces: `${record.issuerId}/${record.serialNumber}`,
    });
    const other = csrFor(freshKey(), 'a.example.test');
    const rekeyed = await authority.rekeyCertificate(alice, { ...refOf(record), csr: other });
    expect(rekeyed.record.spkiHash).not.toBe(record.spkiHash);
    expect(rekeyed.record.names).toEqual(record.names);
  });

  test('a stranger’s certificate does not exist for a subscriber, by renew, rekey and read', async () => {
    const { record } = await chancery.issue({ dns: 'b.example.test', as: alice });
    const csr = csrFor(freshKey(), 'b.example.test');
    const ref = refOf(record);
    expect(await refusal(authority.rekeyCertificate(mallory, { ...ref, csr }))).toBe('notFound');
    expect(await refusal(authority.renewCertificate(mallory, { ...ref, csr }))).toBe('notFound');
    expect(await refusal(authority.findCertificate(mallory, ref))).toBe('notFound');
    expect(await refusal(authority.certificateHistory(mallory, ref))).toBe('notFound');
    expect(await refusal(authority.certificateChain(mallory, ref))).toBe('notFound');
  });

  test('T-AUTH-2: a CSR for one certificate renews no other one', async () => {
    const key = freshKey();
    await chancery.issue({ dns: 'mine.example.test', key, as: alice });
    const other = await chancery.issue({ dns: 'other.example.test', as: alice });
    const csr = csrFor(key, 'mine.example.test');
    expect(await refusal(authority.renewCertificate(alice, { ...refOf(other.record), csr }))).toBe(
      'badPublicKey',
    );
    expect(await refusal(authority.rekeyCertificate(alice, { ...refOf(other.record), csr }))).toBe(
      'policyViolation',
    );
  });

  test('names may be repeated, in any case, or left out; none may be added', async () => {
    const key = freshKey();
    const { record } = await chancery.issue({ dns: 'case.example.test', key });
    const upper = encodeSubjectAltName([{ type: 'dNSName', value: 'CASE.Example.test' }], false);
    const renew = async (subject: string, ...extensions: (typeof upper)[]) =>
      authority.renewCertificate(admin, {
        ...refOf(record),
        csr: makeRequest(key, subject, extensions).der,
      });
    expect((await renew('', upper)).record.names).toEqual(['DNS:case.example.test']);
    expect((await renew('')).record.names).toEqual(['DNS:case.example.test']);
    const more = encodeSubjectAltName(
      [
        { type: 'dNSName', value: 'case.example.test' },
        { type: 'dNSName', value: 'extra.example.test' },
      ],
      false,
    );
    expect(await refusal(renew('', more))).toBe('policyViolation');
    expect(await refusal(renew('CN=root'))).toBe('policyViolation');
  });

  test('no one but its holder or an administrator follows a certificate that authenticates', async () => {
    const key = freshKey();
    const { certificate } = await authority.createPrincipal(admin, {
      name: 'chief',
      role: 'administrator',
      csr: makeRequest(key, 'CN=chief').der,
    });
    if (certificate === undefined) throw new Error('no certificate');
    const ref = refOf(certificate.record);
    const theirs = freshKey();
    const csr = makeRequest(theirs, 'CN=chief').der;
    // An operator may renew certificates; this one would make it an administrator.
    expect(await refusal(authority.rekeyCertificate(operator, { ...ref, csr }))).toBe('forbidden');
    const replayed = makeRequest(key, 'CN=chief').der;
    expect(await refusal(authority.renewCertificate(operator, { ...ref, csr: replayed }))).toBe(
      'forbidden',
    );
    const chief = await authority.authenticateCertificate(certificate.certificate);
    if (chief === undefined) throw new Error('nobody');
    const followed = await authority.rekeyCertificate(chief, {
      ...ref,
      csr: makeRequest(freshKey(), 'CN=chief').der,
    });
    expect((await authority.authenticateCertificate(followed.certificate))?.id).toBe(chief.id);
  });
});

describe('what is not renewed', () => {
  test('a certificate on hold or revoked, by either way', async () => {
    const key = freshKey();
    const { record } = await chancery.issue({ dns: 'held.example.test', key });
    const ref = refOf(record);
    const same = { ...ref, csr: csrFor(key, 'held.example.test') };
    const another = { ...ref, csr: csrFor(freshKey(), 'held.example.test') };
    await authority.holdCertificate(admin, ref);
    expect(await refusal(authority.renewCertificate(admin, same))).toBe('certificateOnHold');
    expect(await refusal(authority.rekeyCertificate(admin, another))).toBe('certificateOnHold');
    await authority.revokeCertificate(admin, { ...ref, reasonCode: 'superseded' });
    expect(await refusal(authority.renewCertificate(admin, same))).toBe('certificateRevoked');
    expect(await refusal(authority.rekeyCertificate(admin, another))).toBe('certificateRevoked');
  });

  test('a certificate that is put on hold while its renewal is prepared', async () => {
    const key = freshKey();
    const { record } = await chancery.issue({ dns: 'late.example.test', key });
    let held: Promise<unknown> | undefined;
    const second = await chancery.node('renewing', {
      dependencies: {
        random: {
          // The serial number is drawn after the first look at the old certificate.
          bytes: async (length) => {
            held ??= authority.holdCertificate(admin, refOf(record));
            await held;
            return chancery.tokens.issuing.random(length);
          },
        },
      },
    });
    const renewal = second.authority.renewCertificate(admin, {
      ...refOf(record),
      csr: csrFor(key, 'late.example.test'),
    });
    expect(await refusal(renewal)).toBe('certificateOnHold');
  });

  test('CA, responder and HTTPS server certificates have doors of their own', async () => {
    const ca = await chancery.read(async ({ inventory }) =>
      inventory.search({
        tenant: 'default',
        profileName: 'issuing-ca',
        now: chancery.clock.now(),
        limit: 5,
      }),
    );
    const [own] = ca.items;
    if (own === undefined) throw new Error('no CA certificate in the inventory');
    const responder = principal('responder');
    const delegateKey = freshKey();
    await authority.enrolResponder(responder, {
      issuer: 'issuing',
      csr: makeRequest(delegateKey, '').der,
    });
    const delegates = await authority.searchCertificates(admin, {
      profileName: 'ocsp-signing',
      limit: 5,
    });
    const [delegate] = delegates.items;
    if (delegate === undefined) throw new Error('no delegate');
    const serverKey = freshKey();
    await authority.issueServerCertificate(csrFor(serverKey, 'localhost'));
    const servers = await authority.searchCertificates(admin, {
      profileName: 'https-server',
      limit: 5,
    });
    const [server] = servers.items;
    if (server === undefined) throw new Error('no server certificate');
    for (const [record, who, key] of [
      [own, operator, freshKey()],
      [delegate, responder, delegateKey],
      [server, operator, serverKey],
    ] as const) {
      const ref = { serialNumber: record.serialNumber, issuer: record.issuerId };
      const renew = { ...ref, csr: makeRequest(key, '').der };
      const rekey = { ...ref, csr: makeRequest(freshKey(), '').der };
      expect(await refusal(authority.rekeyCertificate(who, rekey)), record.profileName).toBe(
        'forbidden',
      );
      if (record !== own) {
        expect(await refusal(authority.renewCertificate(who, renew))).toBe('forbidden');
      }
    }
  });
});
