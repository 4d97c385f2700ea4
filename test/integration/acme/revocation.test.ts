import { describe, expect, test } from 'vitest';
import { type AcmeClient, expectProblem, type Obtained } from '../../support/acme-client.ts';
import { csr, newKey } from '../../support/acme-csr.ts';
import { jwsKeyOf } from '../../support/acme-keys.ts';
import { testAcme } from '../../support/acme-node.ts';
import { boundAccount, freshName } from '../../support/acme-orders.ts';
import { admin } from '../../support/authority.ts';

const server = await testAcme('acme_revocation');
const { chancery } = server;

async function obtained(client: AcmeClient, names = [freshName()]) {
  const privateKey = newKey();
  const done = await client.obtain(names, csr(names, { privateKey }).der);
  return { ...done, names, key: jwsKeyOf(privateKey) };
}

function encoded({ certificate }: Pick<Obtained, 'certificate'>): string {
  return certificate.raw.toString('base64url');
}

async function revoke(
  client: AcmeClient,
  certificate: Pick<Obtained, 'certificate'>,
  more: Readonly<Record<string, unknown>> = {},
  change: Parameters<AcmeClient['post']>[2] = {},
) {
  const { revokeCert } = await client.directory();
  return client.post(revokeCert, { certificate: encoded(certificate), ...more }, change);
}

async function statusOf({ certificate }: Pick<Obtained, 'certificate'>) {
  const { status, requestedBy } = await chancery.authority.findCertificate(admin, {
    serialNumber: certificate.serialNumber,
  });
  return { ...status, requestedBy };
}

describe('A28, §7.6', () => {
  test('by the account that it was issued to, with a reason, once', async () => {
    const client = await server.registered();
    const one = await obtained(client);
    const answer = await revoke(client, one, { reason: 4 });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.text).toBe('');
    expect(await statusOf(one)).toMatchObject({ status: 'revoked', reasonCode: 'superseded' });
    expectProblem(await revoke(client, one), 400, 'alreadyRevoked');
    expectProblem(await revoke(client, one, { reason: 1 }), 400, 'alreadyRevoked');
    const [record] = (await chancery.audit('certificate.revoke')).slice(-1);
    expect(record).toMatchObject({
      principalName: (await statusOf(one)).requestedBy,
      outcome: 'done',
      details: { reasonCode: 'superseded' },
    });
  });

  test('by the key of the certificate, whoever ordered it; it may still say that it is compromised', async () => {
    const client = await server.registered();
    const one = await obtained(client);
    const holder = server.client('default', one.key);
    expect((await revoke(holder, one, {}, { jwk: true })).status).toBe(200);
    expect(await statusOf(one)).toMatchObject({ status: 'revoked', reasonCode: 'unspecified' });
    expectProblem(await revoke(holder, one, {}, { jwk: true }), 400, 'alreadyRevoked');
    expect((await revoke(holder, one, { reason: 1 }, { jwk: true })).status).toBe(200);
    expect(await statusOf(one)).toMatchObject({ reasonCode: 'keyCompromise' });
    const rest = await chancery.issue();
    expectProblem(
      await revoke(
        holder,
        { certificate: { raw: Buffer.from(rest.certificate) } } as Obtained,
        {},
        { jwk: true },
      ),
      403,
      'unauthorized',
    );
  });

  test('by an account with authorizations of all its names, each for itself', async () => {
    const client = await server.registered();
    const base = freshName();
    const one = await obtained(client, [base, `*.${base}`]);
    const other = await server.registered();
    expectProblem(await revoke(other, one), 403, 'unauthorized');
    await other.authorize((await other.order([base])).order);
    expectProblem(await revoke(other, one), 403, 'unauthorized');
    await other.authorize((await other.order([`*.${base}`])).order, 'dns-01');
    expectProblem(await revoke(other, one, { reason: 1 }), 400, 'badRevocationReason');
    expect((await revoke(other, one, { reason: 5 })).status).toBe(200);
    expect(await statusOf(one)).toMatchObject({ reasonCode: 'cessationOfOperation' });
  });

  test('not by another directory’s account, whatever it is authorised for there', async () => {
    const one = await obtained(await server.registered());
    const { client } = await boundAccount(server, {
      allow: ['example.test'],
      challengeRequired: false,
    });
    expect((await client.order(one.names)).order.status).toBe('ready');
    expectProblem(await revoke(client, one), 403, 'unauthorized');
  });

  test('reasons that are not a subscriber’s, and what is no certificate of this CA', async () => {
    const client = await server.registered();
    const one = await obtained(client);
    for (const reason of [2, 6, 7, 8, 10, 11, -1, 1.5, '1', null]) {
      expectProblem(await revoke(client, one, { reason }), 400, 'badRevocationReason');
    }
    const { revokeCert } = await client.directory();
    for (const certificate of [undefined, 7, '', 'AAAA', one.pem, `${encoded(one)}=`]) {
      expectProblem(await client.post(revokeCert, { certificate }), 400, 'malformed');
    }
    const flipped = Buffer.from(one.certificate.raw);
    flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
    const stranger = { certificate: { raw: flipped } } as Obtained;
    expectProblem(await revoke(client, stranger), 403, 'unauthorized');
    const ca = {
      certificate: { raw: Buffer.from(chancery.issuing.certificate ?? []) },
    } as Obtained;
    expectProblem(await revoke(client, ca), 403, 'unauthorized');
    expect(await statusOf(one)).toMatchObject({ status: 'good' });
  });
});
