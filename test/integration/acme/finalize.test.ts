import { createPublicKey, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { FailpointName } from '../../../src/authority/index.ts';
import {
  type AcmeClient,
  expectProblem,
  headerOf,
  json,
  type Order,
} from '../../support/acme-client.ts';
import { csr, newKey } from '../../support/acme-csr.ts';
import { directoryPolicy, testAcme } from '../../support/acme-node.ts';
import { afterwards, boundAccount, freshName } from '../../support/acme-orders.ts';
import { admin } from '../../support/authority.ts';
import { until } from '../../support/quickstart-run.ts';
import { makeRequest, softwareKey } from '../../support/software-issuer.ts';

const server = await testAcme('acme_finalize');
const { clock, chancery } = server;

async function ready(client: AcmeClient, names = [freshName()]) {
  const { url, order } = await client.order(names);
  await client.authorize(order, 'dns-01');
  return { url, order, names };
}

async function certificatesOf(name: string) {
  const { items } = await chancery.authority.searchCertificates(admin, {
    name: `DNS:${name}`,
    limit: 10,
  });
  return items;
}

describe('A22', () => {
  test('the same request again has the order; another CSR does not; there is one certificate', async () => {
    const client = await server.registered();
    const { url, order, names } = await ready(client);
    const key = newKey();
    expectProblem(
      await client.finalize((await client.order([freshName()])).order, csr(names).der),
      403,
      'orderNotReady',
    );
    const first = await client.finalize(order, csr(names, { privateKey: key }).der);
    expect(json<Order>(first).status).toBe('valid');
    // ECDSA signs the same request otherwise each time.
    const again = await client.finalize(order, csr(names, { privateKey: key }).der);
    expect(again.status).toBe(200);
    expect(headerOf(again, 'location')).toBe(url);
    expect(json(again)).toEqual(json(first));
    expectProblem(await client.finalize(order, csr(names).der), 403, 'orderNotReady');
    expect(await certificatesOf(names[0] ?? '')).toHaveLength(1);
  });

  test('A23: a key of an account of any directory is no key of a certificate', async () => {
    const client = await server.registered();
    const { client: other } = await boundAccount(server, {});
    const { order, url, names } = await ready(client);
    for (const { key } of [client, other]) {
      const answer = await client.finalize(order, csr(names, { privateKey: key.privateKey }).der);
      const { detail } = expectProblem(answer, 400, 'badCSR');
      expect(detail).toContain('account');
      const [record] = (await chancery.audit('certificate.issue')).slice(-1);
      expect(record).toMatchObject({
        outcome: 'refused',
        details: { code: 'badCsr', reason: detail },
      });
    }
    expect((await client.fetch<Order>(url)).status).toBe('ready');
  });

  test('what no challenge proves is refused, not dropped', async () => {
    const client = await server.registered();
    const { order, names } = await ready(client);
    const request = makeRequest(softwareKey('p256', 'unproven'), `CN=${names[0]},O=Bank`);
    const problem = expectProblem(await client.finalize(order, request.der), 400, 'badCSR');
    expect(problem.detail).toContain('2.5.4.10');
  });

  test('a key that was blocked for compromise, or is certified for others: badCSR, the order stays ready', async () => {
    const client = await server.registered();
    const key = newKey();
    const name = freshName();
    const { certificate } = await client.obtain([name], csr([name], { privateKey: key }).der);
    const { order, url, names } = await ready(client);
    const answer = await client.finalize(order, csr(names, { privateKey: key }).der);
    expectProblem(answer, 400, 'badCSR');
    await chancery.authority.revokeCertificate(admin, {
      serialNumber: certificate.serialNumber,
      reasonCode: 'keyCompromise',
    });
    const same = await ready(client, [name]);
    const blocked = await client.finalize(same.order, csr([name], { privateKey: key }).der);
    expect(expectProblem(blocked, 400, 'badCSR').detail).toContain('compromised');
    expect((await client.fetch<Order>(url)).status).toBe('ready');
    expect((await client.finalize(same.order, csr([name]).der)).status).toBe(200);
  });
});

test('A27: an authorization that is deactivated is not sufficient, whatever the order says', async () => {
  const client = await server.registered();
  const { order, url, names } = await ready(client);
  // Only an intruder could leave the order ready: the intent looks at the authorizations itself.
  await chancery.sql(
    "UPDATE acme_authorizations SET status = 'deactivated' WHERE authorization_id = $1",
    [order.authorizations[0]?.split('/').at(-1)],
  );
  const answer = await client.finalize(order, csr(names).der);
  expect(expectProblem(answer, 403, 'orderNotReady').detail).toContain('deactivated');
  expect(await client.fetch<Order>(url)).toMatchObject({ status: 'invalid' });
  expect(await certificatesOf(names[0] ?? '')).toHaveLength(0);
});

test.each([
  ['names', { names: { deny: { dns: ['test'] } } }, 'rejectedIdentifier'],
  [
    'profiles',
    { profiles: new Map([['tls-mutual', '']]), defaultProfile: 'tls-mutual' },
    'invalidProfile',
  ],
] as const)(
  'what the directory takes out of its %s is not issued for an order from before',
  async (what, change, type) => {
    const name = `narrowed-${what}`;
    const before = await server.node(`${name}-1`, { directories: [directoryPolicy(name)] });
    const client = before.client(name);
    await client.register();
    const { order, url, names } = await ready(client);
    const after = await server.node(`${name}-2`, { directories: [directoryPolicy(name, change)] });
    const same = after.client(name, client.key);
    same.kid = client.kid;
    expectProblem(await same.finalize(order, csr(names).der), 400, type);
    expect((await same.fetch<Order>(url)).status).toBe('ready');
    expect(await certificatesOf(names[0] ?? '')).toHaveLength(0);
    expect((await client.finalize(order, csr(names).der)).status).toBe(200);
  },
);

test('I42: the accounts of a revoked binding are stopped; what they have is kept', async () => {
  const { client, credential } = await boundAccount(server, {});
  const { order, names } = await ready(client);
  await server.acme.revokeCredential(admin, credential.kid);
  expectProblem(await client.finalize(order, csr(names).der), 401, 'unauthorized');
});

describe('A24, §7.4.2', () => {
  test('leaf first, each certified by the next, no root, no text; the key is the CSR’s', async () => {
    const client = await server.registered();
    const name = freshName();
    const request = csr([name]);
    const { order, pem } = await client.obtain([name], request.der);
    const answer = await client.get(order.certificate ?? '');
    expect(headerOf(answer, 'content-type')).toBe('application/pem-certificate-chain');
    expect(headerOf(answer, 'link')).not.toContain('alternate');
    expect(pem).toMatch(
      /^(-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n){2}$/,
    );
    const [leaf, issuing] = (pem.match(/-----BEGIN[^]+?-----END CERTIFICATE-----\n/g) ?? []).map(
      (one) => new X509Certificate(one),
    );
    expect(leaf?.checkIssued(issuing ?? leaf)).toBe(true);
    expect(issuing?.issuer).not.toBe(issuing?.subject);
    expect(leaf?.publicKey.equals(createPublicKey(request.privateKey))).toBe(true);
    for (const at of ['0', '1', 'x', '-1']) {
      expectProblem(await client.get(`${order.certificate}/${at}`), 404, 'malformed');
    }
  });
});

/** A process that ends at this step: nothing after it runs. */
function killed(): never {
  throw new Error('killed');
}

describe('state survives a kill at every step; the client’s retry ends with one certificate', () => {
  const steps: readonly FailpointName[] = [
    'issue.1-before-intent',
    'issue.2-after-intent',
    'issue.3-after-signature',
    'issue.4-after-commit',
  ];
  test.each(steps)('%s', async (step) => {
    const first = await server.registered();
    const { order, url, names } = await ready(first);
    const key = newKey();
    const request = csr(names, { privateKey: key }).der;
    // The process is gone: nothing after this step runs in it.
    chancery.at[step] = killed;
    const answer = await first.finalize(order, request);
    delete chancery.at[step];
    expect([200, 500], answer.text).toContain(answer.status);
    clock.advance(30);
    const client = afterwards(first);
    if (step === 'issue.1-before-intent') {
      expect((await client.fetch<Order>(url)).status).toBe('ready');
    }
    await server.authority.tick();
    await server.acme.tick();
    const retried = await client.finalize(order, request);
    expect(retried.status, retried.text).toBe(200);
    let done: Order | undefined;
    await until('the order to be valid', async () => {
      done = await client.fetch<Order>(url);
      return done.status === 'valid';
    });
    expect((await client.get(done?.certificate ?? '')).status).toBe(200);
    const rows = await certificatesOf(names[0] ?? '');
    expect(rows.filter(({ issuanceState }) => issuanceState === 'issued')).toHaveLength(1);
    for (const row of rows.filter(({ issuanceState }) => issuanceState === 'abandoned')) {
      expect(row.status.status).toBe('revoked');
    }
  });

  test('acme.1-after-order: the client orders again', async () => {
    const client = await server.registered();
    const name = freshName();
    server.at['acme.1-after-order'] = killed;
    expect((await client.newOrder([name])).status).toBe(500);
    delete server.at['acme.1-after-order'];
    await client.obtain([name], csr([name]).der);
    expect(await certificatesOf(name)).toHaveLength(1);
  });

  test.each(['acme.3-before-validated', 'acme.4-after-validated'] as const)('%s', async (step) => {
    const first = await server.registered();
    const { url, order } = await first.order([freshName()]);
    const [authorization] = await first.authorizations(order);
    const before = server.log.length;
    server.at[step] = killed;
    await first.respond(authorization?.challenges[0]);
    await until('the attempt to be over', async () => server.log.length > before);
    delete server.at[step];
    expect((await first.fetch<Order>(url)).status).toBe(
      step === 'acme.3-before-validated' ? 'pending' : 'ready',
    );
    clock.advance(61);
    await server.acme.tick();
    const client = afterwards(first);
    await until('the order to be ready', async () => {
      return (await client.fetch<Order>(url)).status === 'ready';
    });
    const names = order.identifiers.map(({ value }) => value);
    expect((await client.finalize(order, csr(names).der)).status).toBe(200);
    expect(await certificatesOf(names[0] ?? '')).toHaveLength(1);
  });
});
