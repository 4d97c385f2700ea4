/** The npm package acme-client against a running installation, and what only a program asks for. */
import acme from 'acme-client';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { certIdOf, expectRevoked, judge } from '../support/acme-relying-party.ts';
import { startChallengeServer, type TestChallengeServer } from '../support/challenge-server.ts';
import { useInstallation } from '../support/installation.ts';
import { NpmAcmeClient, refusalOf } from '../support/npm-acme-client.ts';
import { startTrialNetwork } from '../support/trial-network.ts';

// Each step is a program of its own that waits by its own clock, on a machine that others use as well.
vi.setConfig({ testTimeout: 120_000 });
const network = await startTrialNetwork();
const chancery = useInstallation(network.environment);
let server: TestChallengeServer;
beforeAll(async () => {
  server = await startChallengeServer({
    httpPort: network.http01Port,
    tlsPort: network.tlsAlpn01Port,
  });
});
afterAll(async () => server.close());

const urn = 'urn:ietf:params:acme:error:';
const { createCsr, createPrivateEcdsaKey, createPrivateRsaKey } = acme.crypto;

async function clientOf(
  directory = 'directory',
  binding?: { readonly kid: string; readonly hmacKey: string },
  accountKey?: Buffer,
): Promise<NpmAcmeClient> {
  const key = accountKey ?? (await createPrivateEcdsaKey('P-256'));
  return new NpmAcmeClient(chancery, directory, key, { network, server }, binding);
}

interface RenewalInfo {
  readonly suggestedWindow: { readonly start: string; readonly end: string };
}

/** RFC 9773 §4: a plain GET, which this client knows nothing of. */
async function renewalInfoOf(chain: string): Promise<RenewalInfo> {
  const directory = (await chancery.rest('GET', '/acme/directory')).json() as {
    readonly renewalInfo: string;
  };
  const url = new URL(`${directory.renewalInfo}/${certIdOf(chain)}`);
  const answer = await chancery.rest('GET', url.pathname);
  expect(answer.status).toBe(200);
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  return answer.json() as RenewalInfo;
}

test.each([
  { type: 'http-01', curve: 'P-384', names: ['http.npm.test', 'also.npm.test'], keyType: 'rsa' },
  { type: 'dns-01', curve: 'P-521', names: ['*.dns.npm.test', 'dns.npm.test'], keyType: 'ec' },
  { type: 'tls-alpn-01', curve: 'P-256', names: ['alpn.npm.test'], keyType: 'ec' },
] as const)('$type with an account key on $curve: issue, renew, revoke', async (row) => {
  const { type, curve, names, keyType } = row;
  const program = await clientOf('directory', undefined, await createPrivateEcdsaKey(curve));
  const key = keyType === 'rsa' ? await createPrivateRsaKey() : await createPrivateEcdsaKey();
  const keyFile = chancery.write(`npm-${type}.key`, key);
  const [, csr] = await createCsr({ altNames: [...names] }, key);
  const expected = { names, keyType, keyFile };
  await judge(chancery, await program.auto(csr, type), expected);
  const renewed = await judge(chancery, await program.auto(csr, type), expected);
  await program.client.revokeCertificate(renewed.chain, { reason: 5 });
  await expectRevoked(chancery, renewed, 'cessationOfOperation');
});

test('an RSA account whose key is changed goes on, and its old key is no account any more', async () => {
  const oldKey = await createPrivateRsaKey();
  const { client } = await clientOf('directory', undefined, oldKey);
  await client.createAccount({ termsOfServiceAgreed: true, contact: ['mailto:ops@example.test'] });
  const url = client.getAccountUrl();
  await client.updateAccountKey(await createPrivateRsaKey(3072));
  expect(await client.updateAccount({ contact: ['mailto:new@example.test'] })).toMatchObject({
    contact: ['mailto:new@example.test'],
  });
  expect(client.getAccountUrl()).toBe(url);
  const old = await clientOf('directory', undefined, oldKey);
  const refusal = await refusalOf(old.client.createAccount({ onlyReturnExisting: true }));
  expect(refusal.type).toBe(`${urn}accountDoesNotExist`);
});

test.each(['http-01', 'tls-alpn-01'] as const)('an IP address by %s (RFC 8738)', async (type) => {
  const program = await clientOf();
  await program.client.createAccount({ termsOfServiceAgreed: true });
  const [, csr] = await createCsr({ altNames: ['127.0.0.1'] }, await createPrivateEcdsaKey());
  const chain = await program.obtain(['127.0.0.1'], csr, type);
  const home = await judge(chancery, chain, { names: ['127.0.0.1'], keyType: 'ec' });
  await program.client.revokeCertificate(chain);
  await expectRevoked(chancery, home);
});

test('a profile is chosen, renewal information followed, and a renewal says what it replaces', async () => {
  const program = await clientOf();
  await program.client.createAccount({ termsOfServiceAgreed: true });
  const names = ['ari.npm.test'];
  const [, csr] = await createCsr({ altNames: names }, await createPrivateEcdsaKey());
  const first = await judge(
    chancery,
    await program.obtain(names, csr, 'http-01', { profile: 'short-lived' }),
    { names, keyType: 'ec', inCrl: false },
  );
  expect(await chancery.json('show', first.serialNumber)).toMatchObject({ profile: 'short-lived' });
  const { suggestedWindow } = await renewalInfoOf(first.chain);
  const start = Date.parse(suggestedWindow.start);
  expect(start).toBeGreaterThan(Date.now());
  expect(Date.parse(suggestedWindow.end)).toBeGreaterThan(start);
  expect(Date.parse(suggestedWindow.end)).toBeLessThanOrEqual(
    Date.parse(first.certificate.validTo),
  );

  const replaces = certIdOf(first.chain);
  const next = await judge(chancery, await program.obtain(names, csr, 'http-01', { replaces }), {
    names,
    keyType: 'ec',
  });
  const twice = await refusalOf(program.obtain(names, csr, 'http-01', { replaces }));
  expect(twice.type).toBe(`${urn}alreadyReplaced`);

  await program.client.revokeCertificate(next.chain, { reason: 4 });
  await expectRevoked(chancery, next, 'superseded');
  const past = await renewalInfoOf(next.chain);
  expect(Date.parse(past.suggestedWindow.end)).toBeLessThan(Date.now());
});

test('a certificate on hold is not renewed: the answer names the hold and how it ends', async () => {
  const program = await clientOf();
  await program.client.createAccount({ termsOfServiceAgreed: true });
  const names = ['held.npm.test'];
  const [, csr] = await createCsr({ altNames: names }, await createPrivateEcdsaKey());
  const held = await judge(chancery, await program.obtain(names, csr, 'http-01'), {
    names,
    keyType: 'ec',
  });
  await chancery.ok('hold', held.serialNumber, '--cause', 'investigation');
  const replaces = certIdOf(held.chain);
  for (const wishes of [{}, { replaces }]) {
    const refusal = await refusalOf(program.obtain(names, csr, 'http-01', wishes));
    expect(refusal).toMatchObject({ type: `${urn}unauthorized` });
    expect(refusal.detail).toContain('hold');
    expect(refusal.detail).toContain(held.serialNumber);
    expect(refusal.detail).toContain('release');
  }
  await chancery.ok('release', held.serialNumber);
  await program.obtain(names, csr, 'http-01', { replaces });
});

test('external account binding: names without a challenge, and an end when the credential is revoked', async () => {
  await chancery.ok('principal', 'create', 'fleet', '--role', 'subscriber');
  const binding = await chancery.json<{ kid: string; hmacKey: string }>(
    ...['acme', 'eab', 'create', '--directory', 'eab', '--principal', 'fleet', '--no-challenge'],
    ...['--allow', 'fleet.test', '--allow', '10.20.0.0/16', '--profile', 'tls-server'],
    ...['--quota', '2', '--days', '1'],
  );
  const program = await clientOf('eab/directory', binding);
  await program.client.createAccount({ termsOfServiceAgreed: true });
  const names = ['one.fleet.test', '10.20.30.40'];
  const [, csr] = await createCsr({ altNames: names }, await createPrivateEcdsaKey());
  const seen = server.requests.length;
  const chain = await program.obtain(names, csr, 'http-01');
  expect(server.requests.length).toBe(seen);
  const home = await judge(chancery, chain, { names, keyType: 'ec' });
  expect(await chancery.json('show', home.serialNumber)).toMatchObject({ owner: 'fleet' });

  const refused = async (wanted: readonly string[], wishes = {}): Promise<string> => {
    const [, other] = await createCsr({ altNames: [...wanted] }, await createPrivateEcdsaKey());
    return (await refusalOf(program.obtain(wanted, other, 'http-01', wishes))).type;
  };
  expect(await refused(['one.fleet.test'], { profile: 'short-lived' })).toBe(
    `${urn}invalidProfile`,
  );
  expect(await refused(['10.21.0.1'])).toBe(`${urn}rejectedIdentifier`);
  expect(await refused(['*.fleet.test'])).toBe(`${urn}rejectedIdentifier`);
  await program.obtain(names, csr, 'http-01');
  const beyond = await refusalOf(program.obtain(names, csr, 'http-01'));
  expect(beyond.detail).toContain('quota');

  await chancery.ok('acme', 'eab', 'revoke', binding.kid);
  expect(await refused(names)).toBe(`${urn}unauthorized`);
  const unbound = await clientOf('eab/directory');
  const registration = unbound.client.createAccount({ termsOfServiceAgreed: true });
  expect((await refusalOf(registration)).type).toBe(`${urn}externalAccountRequired`);
});
