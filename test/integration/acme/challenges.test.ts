import { describe, expect, test } from 'vitest';
import type { ValidationOutcome } from '../../../src/acme/ports.ts';
import {
  type AcmeClient,
  type Authorization,
  type Challenge,
  expectProblem,
  headerOf,
  json,
  links,
  type Order,
} from '../../support/acme-client.ts';
import { thumbprintOf } from '../../support/acme-keys.ts';
import { directoryPolicy, testAcme } from '../../support/acme-node.ts';
import { afterwards, freshName } from '../../support/acme-orders.ts';
import { until } from '../../support/quickstart-run.ts';

const server = await testAcme('acme_challenges', {
  directories: [
    directoryPolicy('patient', { retrySeconds: [0.02, 0.02] }),
    directoryPolicy('slow', { retrySeconds: [3600] }),
    directoryPolicy('strict', { limits: { failedValidationPerName: { burst: 1, seconds: 3600 } } }),
  ],
});
const { clock, chancery, validator } = server;

const notYet: ValidationOutcome = {
  valid: false,
  type: 'connection',
  detail: 'nobody listens on port 80',
  retryable: true,
};

async function pending(client: AcmeClient, names = [freshName()]) {
  const { url, order } = await client.order(names);
  const [authorization] = await client.authorizations(order);
  const challenge = authorization?.challenges.find(({ type }) => type === 'http-01');
  if (authorization === undefined || challenge === undefined) throw new Error('none offered');
  return { url, order, challenge, authorizationUrl: order.authorizations[0] ?? '', authorization };
}

async function reaches(client: AcmeClient, url: string, status: string): Promise<Authorization> {
  let found: Authorization | undefined;
  await until(`${url} to be ${status}`, async () => {
    found = await client.fetch<Authorization>(url);
    return found.status === status;
  });
  if (found === undefined) throw new Error('unreachable');
  return found;
}

test('A29, §8.1: the validator gets name, token and key authorization; the client a link up and the outcome', async () => {
  const client = await server.registered();
  const { challenge, authorization, authorizationUrl } = await pending(client);
  expect(challenge).toEqual({
    type: 'http-01',
    status: 'pending',
    url: `${authorizationUrl.replace('/authorization/', '/challenge/')}/http-01`,
    token: expect.stringMatching(/^[\w-]{43}$/),
  });
  const answer = await client.post(challenge.url, { keyAuthorization: 'of an older draft' });
  expect(answer.status).toBe(200);
  expect(links(answer, 'up')).toEqual([authorizationUrl]);
  expect(headerOf(answer, 'retry-after')).toBe('1');
  expect(json(answer)).toEqual({ ...challenge, status: 'processing' });
  const valid = await reaches(client, authorizationUrl, 'valid');
  expect(valid.challenges).toEqual([
    { ...challenge, status: 'valid', validated: clock.now().toISOString().replace('.000', '') },
  ]);
  expect(validator.asked.at(-1)).toEqual({
    directory: 'default',
    type: 'http-01',
    identifier: authorization.identifier,
    token: challenge.token,
    keyAuthorization: `${challenge.token}.${thumbprintOf(client.key.jwk)}`,
  });
  const again = await client.post(challenge.url, {});
  expect(json(again)).toMatchObject({ status: 'valid' });
  const other = authorization.challenges.find(({ type }) => type === 'dns-01');
  expectProblem(await client.respond(other), 400, 'malformed');
});

test('A32: a wildcard is offered dns-01 only, an address never; the wildcard is asked for by its base', async () => {
  const client = await server.registered();
  const { order } = await client.order(['*.w.example.test', { type: 'ip', value: '192.0.2.1' }]);
  const [wild, address] = await client.authorizations(order);
  expect(wild).toMatchObject({ wildcard: true, identifier: { value: 'w.example.test' } });
  expect(wild?.challenges.map(({ type }) => type)).toEqual(['dns-01']);
  expect(address?.challenges.map(({ type }) => type)).toEqual(['http-01', 'tls-alpn-01']);
  expect(address).not.toHaveProperty('wildcard');
  const http = wild?.challenges[0]?.url.replace('dns-01', 'http-01') ?? '';
  expectProblem(await client.post(http, {}), 404, 'malformed');
});

describe('§8.2: retries', () => {
  test('A30: each failed attempt is kept, the last one ends authorization and order', async () => {
    const client = await server.registered('patient');
    const name = freshName();
    let attempts = 0;
    validator.answer = ({ identifier }) => {
      if (identifier.value !== name) return { valid: true };
      attempts += 1;
      return { ...notYet, detail: `attempt ${attempts} failed` };
    };
    const { challenge, authorizationUrl, url } = await pending(client, [name, freshName()]);
    await client.respond(challenge);
    const invalid = await reaches(client, authorizationUrl, 'invalid');
    expect(attempts).toBe(3);
    expect(invalid.challenges).toHaveLength(1);
    expect(invalid.challenges[0]).toMatchObject({
      status: 'invalid',
      error: {
        type: 'urn:ietf:params:acme:error:connection',
        detail: 'attempt 3 failed',
        subproblems: [{ detail: 'attempt 1 failed' }, { detail: 'attempt 2 failed' }],
      },
    });
    const order = await client.fetch<Order>(url);
    expect(order.status).toBe('invalid');
    expect(order.error?.subproblems).toEqual([
      expect.objectContaining({ identifier: { type: 'dns', value: name } }),
    ]);
    expectProblem(await client.finalize(order, new Uint8Array()), 403, 'orderNotReady');
    expect(json(await client.respond(challenge))).toMatchObject({ status: 'invalid' });
  });

  test('while an attempt is due later, Retry-After says when, and an answer makes it now', async () => {
    const client = await server.registered('slow');
    let ready = false;
    validator.answer = () => (ready ? { valid: true } : notYet);
    const { challenge, authorizationUrl, url } = await pending(client);
    await client.respond(challenge);
    await until('the first attempt to be recorded', async () => {
      const shown = await client.get(challenge.url);
      return json<Challenge>(shown).error !== undefined;
    });
    const waiting = await client.get(authorizationUrl);
    expect(headerOf(waiting, 'retry-after')).toBe('3600');
    expect(json(waiting)).toMatchObject({
      status: 'pending',
      challenges: [{ status: 'processing' }],
    });
    ready = true;
    await client.respond(challenge);
    await reaches(client, authorizationUrl, 'valid');
    expect((await client.fetch<Order>(url)).status).toBe('ready');
  });

  test('what will not mend itself ends at once', async () => {
    const client = await server.registered('slow');
    validator.answer = () => ({
      valid: false,
      type: 'unauthorized',
      detail: 'another key authorization',
      retryable: false,
    });
    const { challenge, authorizationUrl } = await pending(client);
    await client.respond(challenge);
    const { challenges } = await reaches(client, authorizationUrl, 'invalid');
    expect(challenges[0]?.error?.type).toBe('urn:ietf:params:acme:error:unauthorized');
    validator.answer = () => ({ valid: true });
  });
});

test('failed validations of a name count against the account, and stop it before another is tried', async () => {
  const client = await server.registered('strict');
  const name = freshName();
  validator.answer = () => ({ ...notYet, retryable: false });
  const first = await pending(client, [name]);
  await client.respond(first.challenge);
  await reaches(client, first.authorizationUrl, 'invalid');
  validator.answer = () => ({ valid: true });
  const second = await pending(client, [name]);
  const refused = await client.respond(second.challenge);
  expect(expectProblem(refused, 429, 'rateLimited').detail).toContain('failedValidationPerName');
  const third = await pending(client);
  expect((await client.respond(third.challenge)).status).toBe(200);
  await reaches(client, third.authorizationUrl, 'valid');
});

describe('§7.5.2, A27', () => {
  test('a deactivated authorization ends its orders and is in the audit log', async () => {
    const client = await server.registered();
    const { order, authorizationUrl, url } = await pending(client);
    await client.authorize(order);
    expect((await client.fetch<Order>(url)).status).toBe('ready');
    expectProblem(await client.post(authorizationUrl, { status: 'valid' }), 400, 'malformed');
    const answer = await client.post(authorizationUrl, { status: 'deactivated' });
    expect(json(answer)).toMatchObject({ status: 'deactivated' });
    expect(await client.fetch<Order>(url)).toMatchObject({ status: 'invalid', error: {} });
    const [record] = await chancery.audit('acmeAuthorization.deactivate');
    expect(record).toMatchObject({ object: authorizationUrl.split('/').at(-1) });
    expect((await client.post(authorizationUrl, { status: 'deactivated' })).status).toBe(200);
  });

  test('what expired is said to be, by the clock alone', async () => {
    const client = await server.registered();
    const { order, challenge, authorizationUrl } = await pending(client);
    const done = await pending(client);
    await client.authorize(done.order);
    expect(order.status).toBe('pending');
    clock.advance(7 * 86_400);
    const late = afterwards(client);
    expect((await late.fetch<Authorization>(authorizationUrl)).status).toBe('invalid');
    expect((await late.fetch<Authorization>(done.authorizationUrl)).status).toBe('expired');
    expectProblem(await late.respond(challenge), 400, 'malformed');
    expect((await late.fetch<Order>(done.url)).status).toBe('invalid');
  });
});

test('a challenge whose node died is taken over when its claim runs out, and by one node only', async () => {
  const client = await server.registered();
  const { order, challenge, authorizationUrl, url } = await pending(client);
  // The process ends after its claim was committed.
  server.at['acme.2-after-challenge'] = () => {
    throw new Error('killed');
  };
  expect((await client.respond(challenge)).status).toBe(500);
  delete server.at['acme.2-after-challenge'];
  const [second, third] = [await server.node('node-2'), await server.node('node-3')];
  await second.acme.tick();
  expect(second.validator.asked).toHaveLength(0);
  clock.advance(61);
  await Promise.all([second.acme.tick(), third.acme.tick()]);
  const late = afterwards(client);
  await reaches(late, authorizationUrl, 'valid');
  expect(second.validator.asked.length + third.validator.asked.length).toBe(1);
  expect((await late.fetch<Order>(url)).status).toBe('ready');
  expect(order.authorizations).toHaveLength(1);
  await Promise.all([second.acme.drain(), third.acme.drain()]);
});

test('a process that ends waits for the attempts under way and leaves the rest to others', async () => {
  const node = await server.node('node-4', {
    acme: { settings: { validationConcurrency: 1, claimSeconds: 60, settleAfterSeconds: 20 } },
  });
  let finish = (): void => undefined;
  node.validator.answer = async () =>
    new Promise((done) => {
      finish = () => done({ valid: true });
    });
  const client = node.client();
  await client.register();
  const [first, second] = [await pending(client), await pending(client)];
  await client.respond(first.challenge);
  await client.respond(second.challenge);
  await until('the first attempt to be under way', async () => node.validator.asked.length === 1);
  const drained = node.acme.drain();
  finish();
  await drained;
  expect(node.validator.asked).toHaveLength(1);
  expect((await client.fetch<Authorization>(first.authorizationUrl)).status).toBe('valid');
  expect((await client.fetch<Authorization>(second.authorizationUrl)).status).toBe('pending');
  const refused = await client.respond((await pending(client)).challenge);
  expect(expectProblem(refused, 503, 'serverInternal').detail).not.toBe('');
  expect(headerOf(refused, 'retry-after')).toBe('2');
});

test('one account with hosts that never answer holds up no other account', async () => {
  const node = await server.node('fair', {
    acme: { settings: { validationConcurrency: 4, claimSeconds: 60, settleAfterSeconds: 20 } },
  });
  let release = (): void => undefined;
  const released = new Promise<void>((done) => {
    release = done;
  });
  node.validator.answer = async ({ identifier }) => {
    if (identifier.value.startsWith('tarpit')) await released;
    return { valid: true };
  };
  const [greedy, other] = [node.client(), node.client()];
  await greedy.register();
  await other.register();
  const stuck: string[] = [];
  for (let index = 0; index < 6; index += 1) {
    const { challenge, authorizationUrl } = await pending(greedy, [`tarpit-${freshName()}`]);
    expect((await greedy.post(challenge.url, {})).status).toBe(200);
    stuck.push(authorizationUrl);
  }
  const { challenge, authorizationUrl } = await pending(other);
  await other.post(challenge.url, {});
  await reaches(other, authorizationUrl, 'valid');
  expect(
    node.validator.asked.filter(({ identifier }) => identifier.value.startsWith('tarpit')),
  ).toHaveLength(1);
  release();
  for (const url of stuck) await reaches(greedy, url, 'valid');
});
