import { describe, expect, test } from 'vitest';
import { permissionsOf } from '../../../src/access/index.ts';
import { encodeExtendedKeyUsage, oids } from '../../../src/pkix/index.ts';
import { admin, csrFor, freshKey, refusal, testAuthority } from '../../support/authority.ts';
import { sampleCertificate, sampleKey } from '../../support/pki-samples.ts';
import { makeRequest } from '../../support/software-issuer.ts';

const chancery = await testAuthority('authentication');
const { authority, clock } = chancery;

let count = 0;
/** A principal with a client certificate bound to it. */
async function bound() {
  count += 1;
  const name = `client-${count}`;
  const made = await authority.createPrincipal(admin, {
    name,
    role: 'operator',
    csr: makeRequest(freshKey(), '').der,
  });
  if (made.certificate === undefined) throw new Error('no certificate');
  return { ...made.certificate, name, id: made.principal.id };
}

describe('T-MTLS-1: a client certificate is somebody only while exactly it is bound and good', () => {
  test('its principal, with the permissions of its role', async () => {
    const { certificate, name, id } = await bound();
    expect(await authority.authenticateCertificate(certificate)).toEqual({
      id,
      name,
      role: 'operator',
      tenant: 'default',
      permissions: permissionsOf('operator'),
    });
  });

  test('on hold: nobody; released: its principal again; revoked: nobody for good', async () => {
    const { certificate, record, id } = await bound();
    const ref = { serialNumber: record.serialNumber };
    await authority.holdCertificate(admin, ref);
    expect(await authority.authenticateCertificate(certificate)).toBeUndefined();
    await authority.releaseCertificate(admin, ref);
    expect((await authority.authenticateCertificate(certificate))?.id).toBe(id);
    await authority.revokeCertificate(admin, { ...ref, reasonCode: 'cessationOfOperation' });
    expect(await authority.authenticateCertificate(certificate)).toBeUndefined();
  });

  test('before notBefore and after notAfter: nobody', async () => {
    const { certificate, record } = await bound();
    // A CRL that is still built would be dated by the clock that is moved here.
    await authority.drain();
    const now = clock.now();
    clock.set(new Date(record.notBefore.getTime() - 1000));
    expect(await authority.authenticateCertificate(certificate)).toBeUndefined();
    clock.set(record.notAfter);
    expect(await authority.authenticateCertificate(certificate)).toBeDefined();
    clock.set(new Date(record.notAfter.getTime() + 1000));
    expect(await authority.authenticateCertificate(certificate)).toBeUndefined();
    clock.set(now);
  });

  test('a good certificate of ours that nobody bound: nobody, whatever names and usages it has', async () => {
    const names = [
      ['tls-client', 'CN=admin'],
      ['tls-client', 'CN=client-1'],
      ['tls-mutual', 'CN=client-1'],
    ] as const;
    for (const [profile, subject] of names) {
      const key = freshKey();
      const csr =
        profile === 'tls-client'
          ? makeRequest(key, subject).der
          : csrFor(key, 'client-1.example.test');
      const { certificate } = await authority.issueCertificate(admin, { profile, csr });
      expect(await authority.authenticateCertificate(certificate), profile).toBeUndefined();
    }
  });

  test('of another CA, with everything else the same: nobody', async () => {
    const { record } = await bound();
    const key = sampleKey('ecdsa-with-SHA256', 3);
    const forged = sampleCertificate({
      key,
      subject: record.subject,
      serialNumber: record.serialNumber,
      extensions: [encodeExtendedKeyUsage([oids.clientAuth])],
    });
    expect(await authority.authenticateCertificate(forged.der)).toBeUndefined();
  });

  test('the octets of a bound one with another signature, or with more behind them: nobody', async () => {
    const { certificate } = await bound();
    const other = Uint8Array.from(certificate);
    other[other.length - 1] = (other.at(-1) ?? 0) ^ 1;
    expect(await authority.authenticateCertificate(other)).toBeUndefined();
    expect(
      await authority.authenticateCertificate(Buffer.concat([certificate, Buffer.of(0)])),
    ).toBeUndefined();
    expect(await authority.authenticateCertificate(new Uint8Array())).toBeUndefined();
  });

  test('a row that no longer holds those octets: nobody', async () => {
    const { certificate, record } = await bound();
    await chancery.sql(
      `UPDATE issuance_outcomes SET certificate_tail = certificate_tail || '\\x00'
       WHERE certificate_id = (SELECT id FROM certificates WHERE serial_number = $1)`,
      [record.serialNumber],
    );
    expect(await authority.authenticateCertificate(certificate)).toBeUndefined();
  });

  test('a disabled principal: nobody', async () => {
    const { certificate, id } = await bound();
    await chancery.sql('UPDATE principals SET disabled_at = now() WHERE id = $1', [id]);
    expect(await authority.authenticateCertificate(certificate)).toBeUndefined();
  });
});

describe('T-AUTH-2: a bearer token', () => {
  async function token(options: { days?: number; scope?: 'certificates:read'[] } = {}) {
    const { name } = await bound();
    return authority.createCredential(admin, { principalName: name, ...options });
  }

  test('is its principal with its scope, and kept only as a hash', async () => {
    const made = await token({ scope: ['certificates:read'] });
    const who = await authority.authenticateToken(made.token);
    expect([...(who?.permissions ?? [])]).toEqual(['certificates:read']);
    expect(JSON.stringify(made.record)).not.toContain(made.token);
    const kept = JSON.stringify(await chancery.sql('SELECT * FROM credentials, audit'));
    expect(kept).not.toContain(made.token.slice('chancery_'.length));
  });

  test('is nobody after its end, after its revocation, and in any other spelling', async () => {
    const made = await token({ days: 1 });
    for (const other of ['', 'chancery_', `${made.token}x`, made.token.slice(0, -1)]) {
      expect(await authority.authenticateToken(other)).toBeUndefined();
    }
    clock.advance(86_401);
    expect(await authority.authenticateToken(made.token)).toBeUndefined();
    const revoked = await token();
    await authority.revokeCredential(admin, revoked.record.id);
    expect(await authority.authenticateToken(revoked.token)).toBeUndefined();
  });

  test('lasts a year at most', async () => {
    const { name } = await bound();
    for (const days of [0, -1, 366, 1.5]) {
      const made = authority.createCredential(admin, { principalName: name, days });
      expect(await refusal(made), String(days)).toBe('invalidArgument');
    }
  });
});

describe('callers who are nobody', () => {
  const asked = { act: 'GET /certificates', object: '/api/v1/certificates' };

  test('each refusal is recorded, without what was presented', async () => {
    await authority.recordUnauthenticated(asked);
    const [record] = await chancery.audit(asked.act);
    expect(record).toMatchObject({
      principalId: 'anonymous',
      principalName: 'anonymous',
      outcome: 'refused',
      object: asked.object,
      details: { code: 'unauthenticated' },
    });
  });

  test('a flood is counted, not written out: the database is not the attacker’s to fill', async () => {
    clock.advance(60);
    for (let n = 0; n < 200; n += 1) {
      await authority.recordUnauthenticated({ act: 'POST /flood', object: '/flood' });
    }
    const during = (await chancery.audit('POST /flood')).length;
    expect(during).toBeGreaterThan(0);
    expect(during).toBeLessThanOrEqual(60);
    clock.advance(60);
    await authority.recordUnauthenticated({ act: 'POST /flood', object: '/flood' });
    const records = await chancery.audit('POST /flood');
    expect(records.at(-1)?.details['unrecordedBefore']).toBe(200 - during);
  });
});
