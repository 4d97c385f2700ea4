import { expect, test } from 'vitest';
import { type AcmeClient, headerOf, json, type Order } from '../../support/acme-client.ts';
import { csr } from '../../support/acme-csr.ts';
import { testAcme } from '../../support/acme-node.ts';
import { boundAccount, freshName } from '../../support/acme-orders.ts';
import { admin } from '../../support/authority.ts';

const server = await testAcme('acme_recovery');
const { clock, chancery } = server;

/** An order whose signature the token refused after the intent: processing, its certificate abandoned. */
async function interrupted(client: AcmeClient) {
  const names = [freshName()];
  const { url, order } = await client.order(names);
  await client.authorize(order);
  chancery.beforeSign = failing;
  const request = csr(names).der;
  const answer = await client.finalize(order, request);
  expect(answer.status, answer.text).toBe(200);
  expect(json<Order>(answer).status).toBe('processing');
  expect(headerOf(answer, 'retry-after')).toBe('1');
  return { url, order, request, name: names[0] ?? '' };
}

/** The schedule after so many seconds. */
async function later(seconds: number): Promise<void> {
  clock.advance(seconds);
  await server.acme.tick();
}

async function failing(purpose: string): Promise<void> {
  if (purpose === 'certificate') throw new Error('the token is away');
  return Promise.resolve();
}

async function working(): Promise<void> {
  return Promise.resolve();
}

async function issuances(name: string): Promise<readonly string[]> {
  const { items } = await chancery.authority.searchCertificates(admin, {
    name: `DNS:${name}`,
    limit: 9,
  });
  return items.map(({ issuanceState }) => issuanceState).toSorted();
}

test('an issuance that failed after its intent is made again with another serial number, by one node', async () => {
  const client = await server.registered();
  const { url, name, order, request } = await interrupted(client);
  chancery.beforeSign = working;
  const other = await server.node('recovery-2');
  await server.acme.tick();
  expect((await client.fetch<Order>(url)).status, 'not before the pause is over').toBe(
    'processing',
  );
  clock.advance(21);
  await Promise.all([server.acme.tick(), other.acme.tick()]);
  expect((await client.fetch<Order>(url)).status).toBe('valid');
  expect(await issuances(name)).toEqual(['abandoned', 'issued']);
  expect(json(await client.finalize(order, request))).toMatchObject({ status: 'valid' });
  const done = await client.fetch<Order>(url);
  expect((await client.get(done.certificate ?? '')).status).toBe(200);
  await later(60);
  expect(await issuances(name)).toEqual(['abandoned', 'issued']);
});

test('after three attempts the order is invalid and says so', async () => {
  const client = await server.registered();
  const { url, name } = await interrupted(client);
  for (const seconds of [21, 21, 20, 19]) await later(seconds);
  expect((await client.fetch<Order>(url)).status).toBe('processing');
  expect(await issuances(name)).toHaveLength(3);
  await later(2);
  chancery.beforeSign = working;
  expect(await client.fetch<Order>(url)).toMatchObject({
    status: 'invalid',
    error: { type: 'urn:ietf:params:acme:error:serverInternal' },
  });
  await later(100);
  expect(await issuances(name)).toEqual(['abandoned', 'abandoned', 'abandoned']);
});

test('what ended meanwhile is not issued: an authorization, an account, a binding', async () => {
  const client = await server.registered();
  const lost = await interrupted(client);
  await client.post(lost.order.authorizations[0] ?? '', { status: 'deactivated' });
  const gone = await server.registered();
  const left = await interrupted(gone);
  await gone.post(gone.kid, { status: 'deactivated' });
  const { client: bound, credential } = await boundAccount(server, { quota: 1 });
  const stopped = await interrupted(bound);
  await server.acme.revokeCredential(admin, credential.kid);
  chancery.beforeSign = working;
  await later(21);
  expect(await client.fetch<Order>(lost.url)).toMatchObject({
    status: 'invalid',
    error: { type: 'urn:ietf:params:acme:error:unauthorized' },
  });
  for (const { name } of [lost, left, stopped])
    expect(await issuances(name)).toEqual(['abandoned']);
});

test('the quota counts an order once, however often it was tried', async () => {
  const { client, credential } = await boundAccount(server, { quota: 2 });
  const { url } = await interrupted(client);
  await later(21);
  chancery.beforeSign = working;
  await later(41);
  expect((await client.fetch<Order>(url)).status).toBe('valid');
  const shown = await server.acme.showCredential(admin, credential.kid);
  expect(shown.issued).toBe(1);
  const next = freshName();
  await client.obtain([next], csr([next]).der);
});

test('what refuses every attempt before it begins is asked again after a pause, and not for ever', async () => {
  const client = await server.registered();
  const { url, name } = await interrupted(client);
  chancery.beforeSign = working;
  let asked = 0;
  chancery.at['issue.1-before-intent'] = () => {
    asked += 1;
    throw new Error('a defect');
  };
  try {
    await later(21);
    for (let turn = 0; turn < 5; turn += 1) await later(1);
    expect(asked, 'not at every turn').toBe(1);
    await later(20);
    expect(asked).toBe(2);
    expect((await client.fetch<Order>(url)).status).toBe('processing');
    await later(7 * 86_400);
  } finally {
    delete chancery.at['issue.1-before-intent'];
  }
  expect(await client.fetch<Order>(url)).toMatchObject({ status: 'invalid' });
  expect(asked).toBe(2);
  expect(await issuances(name)).toEqual(['abandoned']);
});

test('a token that does not answer keeps the schedule for one order, not for all of them', async () => {
  const client = await server.registered();
  const urls: string[] = [];
  for (let count = 0; count < 3; count += 1) urls.push((await interrupted(client)).url);
  let signatures = 0;
  chancery.beforeSign = async (purpose) => {
    if (purpose === 'certificate') signatures += 1;
    await failing(purpose);
  };
  await later(21);
  expect(signatures).toBe(1);
  await later(1);
  expect(signatures).toBe(2);
  chancery.beforeSign = working;
  for (let turn = 0; turn < 4; turn += 1) await later(21);
  for (const url of urls) expect((await client.fetch<Order>(url)).status).toBe('valid');
});
