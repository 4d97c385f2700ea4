import { describe, expect, test } from 'vitest';
import { formatCertId } from '../../../src/acme/renewal-info.ts';
import {
  type AcmeClient,
  expectProblem,
  type Obtained,
  type Order,
} from '../../support/acme-client.ts';
import { csr, newKey } from '../../support/acme-csr.ts';
import { testAcme } from '../../support/acme-node.ts';
import { freshName } from '../../support/acme-orders.ts';
import { admin } from '../../support/authority.ts';

const server = await testAcme('acme_hold');
const { chancery } = server;

async function obtained(client: AcmeClient, names = [freshName()]) {
  const privateKey = newKey();
  return { ...(await client.obtain(names, csr(names, { privateKey }).der)), names, privateKey };
}

function certIdOf({ certificate }: Pick<Obtained, 'certificate'>): string {
  return formatCertId({
    keyIdentifier: chancery.issuing.issuerId,
    serialNumber: certificate.serialNumber.toLowerCase().replace(/^0+/, ''),
  });
}

describe('A36, RFC 9773 §5', () => {
  test('replaces is echoed, kept with the certificate, and true of one order only', async () => {
    const client = await server.registered();
    const old = await obtained(client);
    const replaces = certIdOf(old);
    const { url, order } = await client.order([...old.names, freshName()], { replaces });
    expect(order.replaces).toBe(replaces);
    expectProblem(await client.newOrder(old.names, { replaces }), 409, 'alreadyReplaced');
    await client.authorize(order);
    const names = order.identifiers.map(({ value }) => value);
    expect((await client.finalize(order, csr(names).der)).status).toBe(200);
    expect(await client.fetch<Order>(url)).toMatchObject({ status: 'valid', replaces });
    const { items } = await chancery.authority.searchCertificates(admin, {
      name: `DNS:${names[1]}`,
      limit: 2,
    });
    const serialNumber = old.certificate.serialNumber.toLowerCase().replace(/^0+/, '');
    expect(items[0]?.replaces).toBe(`${chancery.issuing.issuerId}/${serialNumber}`);
    expectProblem(await client.newOrder(old.names, { replaces }), 409, 'alreadyReplaced');
  });

  test('an order that came to nothing leaves the certificate to be replaced by another', async () => {
    const client = await server.registered();
    const old = await obtained(client);
    const replaces = certIdOf(old);
    const name = freshName();
    const { order } = await client.order([...old.names, name], { replaces });
    await client.post(order.authorizations[1] ?? '', { status: 'deactivated' });
    expect((await client.order(old.names, { replaces })).order.replaces).toBe(replaces);
  });

  test('another account’s certificate, one of other names, none, and what is no certID', async () => {
    const [client, stranger] = [await server.registered(), await server.registered()];
    const old = await obtained(client);
    const issued = await chancery.issue();
    const rest = formatCertId({
      keyIdentifier: issued.record.issuerId,
      serialNumber: issued.record.serialNumber,
    });
    const absent = formatCertId({ keyIdentifier: chancery.issuing.issuerId, serialNumber: '1234' });
    const unknown = expectProblem(
      await client.newOrder(old.names, { replaces: absent }),
      400,
      'malformed',
    );
    const theirs = await stranger.newOrder(old.names, { replaces: certIdOf(old) });
    expect(expectProblem(theirs, 400, 'malformed')).toEqual(unknown);
    expectProblem(await client.newOrder(old.names, { replaces: rest }), 400, 'malformed');
    expectProblem(
      await client.newOrder([freshName()], { replaces: certIdOf(old) }),
      400,
      'malformed',
    );
    for (const replaces of ['', 'x', 7, `${certIdOf(old)}=`, null]) {
      expectProblem(await client.newOrder(old.names, { replaces }), 400, 'malformed');
    }
  });
});

describe('a certificate on hold', () => {
  test('is not replaced, and its key gets none for its names, until it is released', async () => {
    const client = await server.registered();
    const held = await obtained(client);
    const { serialNumber } = held.certificate;
    const replaces = certIdOf(held);
    await chancery.authority.holdCertificate(admin, { serialNumber });
    const refused = expectProblem(
      await client.newOrder(held.names, { replaces }),
      403,
      'unauthorized',
    );
    expect(refused.detail).toMatch(/on hold.*releases/);
    expect(refused.detail).toContain(serialNumber.toLowerCase().replace(/^0+/, ''));
    const { url, order } = await client.order(held.names);
    expect(order.status).toBe('ready');
    const request = csr(held.names, { privateKey: held.privateKey }).der;
    const problem = expectProblem(await client.finalize(order, request), 403, 'unauthorized');
    expect(problem.detail).toMatch(/on hold.*releases/);
    const [record] = (await chancery.audit('certificate.issue')).slice(-1);
    expect(record).toMatchObject({
      outcome: 'refused',
      details: { code: 'certificateOnHold', reason: problem.detail },
    });
    expect((await client.fetch<Order>(url)).status).toBe('ready');
    await chancery.authority.releaseCertificate(admin, { serialNumber });
    expect((await client.order(held.names, { replaces })).order.replaces).toBe(replaces);
    expect((await client.finalize(order, request)).status).toBe(200);
  });

  test('says when its hold ends by itself, and does not stop another key', async () => {
    const client = await server.registered();
    const held = await obtained(client);
    const until = new Date(server.clock.now().getTime() + 3_600_000);
    const { serialNumber } = held.certificate;
    await chancery.authority.holdCertificate(admin, { serialNumber, until, then: 'release' });
    const refused = await client.newOrder(held.names, { replaces: certIdOf(held) });
    expect(expectProblem(refused, 403, 'unauthorized').detail).toContain(until.toISOString());
    expect((await obtained(client, held.names)).order.status).toBe('valid');
  });

  test('is not replaced by an order that was placed before the hold either', async () => {
    const client = await server.registered();
    const held = await obtained(client);
    const { serialNumber } = held.certificate;
    const { url, order } = await client.order(held.names, { replaces: certIdOf(held) });
    await chancery.authority.holdCertificate(admin, { serialNumber });
    const problem = expectProblem(
      await client.finalize(order, csr(held.names).der),
      403,
      'unauthorized',
    );
    expect(problem.detail).toMatch(/on hold.*releases/);
    expect((await client.fetch<Order>(url)).status).toBe('ready');
    await chancery.authority.releaseCertificate(admin, { serialNumber });
    expect((await client.finalize(order, csr(held.names).der)).status).toBe(200);
  });

  test('can be revoked by its holder', async () => {
    const client = await server.registered();
    const held = await obtained(client);
    const { serialNumber, raw } = held.certificate;
    await chancery.authority.holdCertificate(admin, { serialNumber });
    const { revokeCert } = await client.directory();
    const answer = await client.post(revokeCert, { certificate: raw.toString('base64url') });
    expect(answer.status).toBe(200);
    const { status } = await chancery.authority.findCertificate(admin, { serialNumber });
    expect(status.status).toBe('revoked');
  });
});
