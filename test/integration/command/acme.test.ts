/** chancery acme against a running installation, its REST, and what its acts mean to an ACME client. */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  AcmeClient,
  type Directory,
  expectProblem,
  headerOf,
  httpsTransport,
  json,
} from '../../support/acme-client.ts';
import { csr } from '../../support/acme-csr.ts';
import { externalAccountBinding } from '../../support/acme-keys.ts';
import { useInstallation } from '../../support/installation.ts';
import { until } from '../../support/quickstart-run.ts';

const chancery = useInstallation();

interface Credential {
  readonly kid: string;
  readonly hmacKey: string;
}

beforeAll(async () => {
  await chancery.ok('principal', 'create', 'web-team', '--role', 'subscriber');
});

const create = ['acme', 'eab', 'create', '--directory', 'eab', '--principal', 'web-team'];

/** An account of the directory eab that is bound to the credential. */
async function bind(credential: Credential): Promise<AcmeClient> {
  const url = `${chancery.httpsUrl}/acme/eab/directory`;
  const client = new AcmeClient(httpsTransport(chancery.root), url);
  const { newAccount } = await client.directory();
  await client.register({
    termsOfServiceAgreed: true,
    externalAccountBinding: externalAccountBinding(credential, newAccount, client.key.jwk),
  });
  return client;
}

async function refused(...parameters: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await chancery.chancery(...parameters);
  expect([code, stdout]).toEqual([1, '']);
  return stderr;
}

describe('a credential', () => {
  test('is made, binds an account, gives names without a challenge, and stops the account when it is revoked', async () => {
    const made = await chancery.ok(
      ...create,
      '--allow',
      'svc.example',
      '--no-challenge',
      '--tag',
      'mesh',
    );
    const { kid = '', hmacKey = '' } =
      /^kid: +(?<kid>[\w-]{16,})\nhmacKey: (?<hmacKey>[\w-]{43})\n$/.exec(made)?.groups ?? {};
    expect(hmacKey).not.toBe('');
    const client = await bind({ kid, hmacKey });
    const { certificate } = await client.obtain(['a.svc.example'], csr(['a.svc.example']).der);

    const shown = await chancery.json<object>('show', certificate.serialNumber);
    expect(shown).toMatchObject({ owner: 'web-team', tags: ['mesh'], profile: 'tls-server' });
    const [account] = (
      await chancery.json<{ items: readonly { accountId: string }[] }>(
        ...['acme', 'account', 'list', '--kid', kid],
      )
    ).items;
    expect(client.kid.endsWith(`/account/${account?.accountId}`)).toBe(true);
    expect(await chancery.json('acme', 'eab', 'show', kid)).toMatchObject({
      ...{ kid, directory: 'eab', owner: 'web-team', allow: ['svc.example'] },
      ...{ challengeRequired: false, accounts: 1, issued: 1, tags: ['mesh'], createdBy: 'admin' },
    });
    // Nowhere but in the one answer: not shown, listed, logged or kept in the audit log.
    expect(await chancery.ok('acme', 'eab', 'list')).not.toContain(hmacKey);
    const audit = await chancery.rest('GET', '/api/v1/audit?limit=1000');
    expect(audit.text).toContain('acmeCredential.create');
    expect(audit.text).not.toContain(hmacKey);
    expect(readFileSync(join(chancery.data, 'log', 'ca.log'), 'utf8')).not.toContain(hmacKey);

    expect(await chancery.ok('acme', 'eab', 'revoke', kid)).toContain('is revoked');
    expectProblem(await client.newOrder(['b.svc.example']), 401, 'unauthorized');
    expect(await refused('acme', 'eab', 'revoke', kid)).toContain('revoked already');
  });

  test('with --json is the REST representation, the key in it once', async () => {
    const options = ['--quota', '7', '--days', '3', '--single-use', '--profile', 'short-lived'];
    const made = await chancery.json<Credential>(...create, ...options);
    expect(made).toMatchObject({ quota: 7, singleUse: true, profiles: ['short-lived'], allow: [] });
    const reply = await chancery.rest('GET', `/api/v1/acme/credentials/${made.kid}`);
    const { hmacKey: _, ...rest } = made;
    expect(reply.json()).toEqual(rest);
  });

  test('that makes no sense is refused with the reason', async () => {
    const elsewhere = ['acme', 'eab', 'create', '--principal', 'web-team', '--directory', 'none'];
    expect(await refused(...elsewhere)).toContain('there are default, eab');
    expect(await refused(...create.slice(0, -1), 'nobody')).toContain('principal create');
    expect(await refused(...create, '--profile', 'root-ca')).toContain('it offers tls-server');
    expect(await refused(...create, '--allow', '10.0.0.0/99')).toContain('10.0.0.0/99');
    expect(await refused('acme', 'eab', 'show', 'nothing')).toContain('eab list');
  });
});

test('overrides of limits and incidents are made, listed and ended', async () => {
  const key = ['newOrderPerAccount', 'abc/def'];
  await chancery.ok('acme', 'limit', 'override', ...key, '--rate', '5/1h', '--days', '2');
  expect((await chancery.json<{ items: unknown[] }>('acme', 'limit', 'list')).items).toEqual([
    expect.objectContaining({ limit: 'newOrderPerAccount', key: 'abc/def', burst: 5 }),
  ]);
  await chancery.ok('acme', 'limit', 'remove', ...key);
  expect(await refused('acme', 'limit', 'remove', ...key)).toContain('no override');

  const opened = await chancery.json<{ incidentId: string; issuerId: string }>(
    ...['acme', 'incident', 'open', '--issuer', 'issuing', '--spread', '2h'],
  );
  expect(await chancery.ok('acme', 'incident', 'list')).toContain(opened.incidentId);
  await chancery.ok('acme', 'incident', 'close', opened.incidentId);
  expect(await chancery.ok('acme', 'incident', 'list')).not.toContain(opened.incidentId);
});

test('T-HOST-1: Host and forwarding headers leave no trace in URLs (I10)', async () => {
  const spoof = { host: 'localhost:1', 'x-forwarded-host': 'evil.example', forwarded: 'host=evil' };
  const transport = httpsTransport(chancery.root);
  const spoofed: typeof transport = async (call) => transport({ ...call, headers: spoof });
  const at = (path: string) => `${chancery.httpsUrl}/acme/${path}`;
  const directory = await spoofed({ method: 'GET', url: at('directory') });
  expect(json<Directory>(directory).newOrder).toBe(at('default/new-order'));
  expect(directory.text).not.toMatch(/evil|localhost:1\//);
  const nonce = await spoofed({ method: 'HEAD', url: at('default/new-nonce') });
  expect(headerOf(nonce, 'link')).toBe(`<${at('default/directory')}>;rel="index"`);
  const client = new AcmeClient(spoofed, at('default/directory'));
  const account = headerOf(await client.register(), 'location');
  expect(account).toMatch(new RegExp(`^${at('default/account/')}[\\w-]{22}$`));
  const accountId = account?.split('/').at(-1) ?? '';
  expect(await chancery.ok('acme', 'account', 'revoke', accountId)).toContain('is revoked');
  expectProblem(await client.get(client.kid), 401, 'unauthorized');
  expect(await refused('acme', 'account', 'revoke', accountId)).toContain('no valid account');
});

test('a secret that is lost is not replaced in silence: the CA says what to restore, and does not start', async () => {
  const file = join(chancery.data, 'acme', 'secret');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const { kid, hmacKey } = await chancery.json<Credential>(...create);
  const secret = readFileSync(file, 'utf8');
  await chancery.stop();
  rmSync(file);
  await chancery.launch();
  await until('the reason', () =>
    /the ACME secret \S+ .*is missing.*restore it/.test(chancery.output),
  );
  await chancery.stop();
  expect(existsSync(file)).toBe(false);
  writeFileSync(file, secret, { mode: 0o600 });
  await chancery.start();
  await bind({ kid, hmacKey });
});
