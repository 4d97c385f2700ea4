/** Debian's certbot against a running installation: http-01 by its own server, dns-01 by hooks. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { expectRevoked, judge } from '../support/acme-relying-party.ts';
import { Certbot } from '../support/certbot.ts';
import { useInstallation } from '../support/installation.ts';
import { startTrialNetwork } from '../support/trial-network.ts';

// Each step is a program of its own that waits by its own clock, on a machine that others use as well.
vi.setConfig({ testTimeout: 120_000 });
const network = await startTrialNetwork();
const chancery = useInstallation(network.environment);

interface Binding {
  readonly kid: string;
  readonly hmacKey: string;
}

interface Shown {
  readonly owner: string;
  readonly profile: string;
}

function bound({ kid, hmacKey }: Binding): readonly string[] {
  return ['--eab-kid', kid, '--eab-hmac-key', hmacKey];
}

const anonymous = ['--agree-tos', '--register-unsafely-without-email'];

describe('without external account binding', () => {
  test('http-01 with an RSA key: issue, renew, revoke with the account key', async () => {
    const certbot = new Certbot(chancery, network, 'certbot-http', 'default/directory');
    const name = 'http.certbot.test';
    await certbot.ok(
      ...['certonly', ...anonymous, ...certbot.standalone, '-d', name],
      ...['--key-type', 'rsa', '--rsa-key-size', '2048'],
    );
    const expected = {
      names: [name],
      keyType: 'rsa',
      keyFile: certbot.path(name, 'privkey'),
    } as const;
    const first = await judge(chancery, certbot.fullchain(name), expected);

    const renewed = await certbot.ok(
      ...['renew', '--force-renewal', '--cert-name', name, '--no-random-sleep-on-renew'],
    );
    expect(renewed).toContain('all renewals succeeded');
    const second = await judge(chancery, certbot.fullchain(name), expected);
    expect(second.serialNumber).not.toBe(first.serialNumber);

    await certbot.ok(
      ...['revoke', '--cert-path', certbot.path(name, 'cert'), '--reason', 'superseded'],
      '--no-delete-after-revoke',
    );
    await expectRevoked(chancery, second, 'superseded');
    const again = await certbot.run(
      ...['revoke', '--cert-path', certbot.path(name, 'cert'), '--no-delete-after-revoke'],
    );
    expect(again.code).toBe(1);
    expect(certbot.log).toContain('urn:ietf:params:acme:error:alreadyRevoked');
  });

  test('dns-01 with an ECDSA key: a wildcard beside its base, renewed, revoked with its own key', async () => {
    const certbot = new Certbot(chancery, network, 'certbot-dns', 'default/directory');
    const names = ['*.dns.certbot.test', 'dns.certbot.test'];
    const order = [
      ...['certonly', ...anonymous, ...certbot.manualDns, '--cert-name', 'wild'],
      ...names.flatMap((name) => ['-d', name]),
      ...['--key-type', 'ecdsa', '--elliptic-curve', 'secp384r1'],
    ];
    await certbot.ok(...order);
    const keyFile = certbot.path('wild', 'privkey');
    const expected = { names, keyType: 'ec', keyFile } as const;
    const first = await judge(chancery, certbot.fullchain('wild'), expected);

    await certbot.ok(...order, '--force-renewal', '--reuse-key');
    const second = await judge(chancery, certbot.fullchain('wild'), expected);
    expect(second.serialNumber).not.toBe(first.serialNumber);
    expect(
      network.dns.queries.some(({ name }) => name === '_acme-challenge.dns.certbot.test'),
    ).toBe(true);

    await certbot.ok(
      ...['revoke', '--cert-path', certbot.path('wild', 'cert'), '--key-path', keyFile],
      ...['--reason', 'keycompromise', '--no-delete-after-revoke'],
    );
    await expectRevoked(chancery, second, 'keyCompromise');
    // Compromise reaches every certificate of the key.
    await expectRevoked(chancery, first, 'keyCompromise');
  });

  test('its account can be shown, updated and given up', async () => {
    const certbot = new Certbot(chancery, network, 'certbot-account', 'default/directory');
    await certbot.ok('register', '--agree-tos', '-m', 'first@example.test', '--no-eff-email');
    const updated = await certbot.ok(
      'update_account',
      '-m',
      'second@example.test',
      '--no-eff-email',
    );
    expect(updated).toContain('second@example.test');
    expect(await certbot.ok('show_account')).toContain('second@example.test');
    expect(await certbot.ok('unregister')).toContain('Account deactivated');
  });

  test('a name that answers another token is refused in words that help', async () => {
    const certbot = new Certbot(chancery, network, 'certbot-wrong', 'default/directory');
    network.dns.set('_acme-challenge.wrong.certbot.test', 'TXT', ['somebody-elses']);
    const { code, stdout, stderr } = await certbot.run(
      ...['certonly', ...anonymous, '--manual', '--preferred-challenges', 'dns'],
      ...['--manual-auth-hook', '/bin/true', '-d', 'wrong.certbot.test'],
    );
    expect(code).toBe(1);
    expect(stdout + stderr).toMatch(/Type: +incorrectResponse/);
    expect(stdout + stderr).toMatch(/Detail: .*_acme-challenge\.wrong\.certbot\.test/);
    expect(stdout + stderr).not.toContain('somebody-elses');
  });
});

describe('with external account binding', () => {
  let binding: Binding;
  let trusted: Binding;
  beforeAll(async () => {
    await chancery.ok('principal', 'create', 'mail', '--role', 'subscriber');
    const create = ['acme', 'eab', 'create', '--directory', 'eab', '--principal', 'mail'];
    binding = await chancery.json(...create, '--allow', 'mail.test');
    trusted = await chancery.json(...create, '--allow', '*.inside.test', '--no-challenge');
  });

  test('a registration without it is refused and says what is missing', async () => {
    const certbot = new Certbot(chancery, network, 'certbot-unbound', 'eab/directory');
    const { code, stdout, stderr } = await certbot.run('register', ...anonymous);
    expect(code).toBe(1);
    expect(stdout + stderr).toContain('requires external account binding');
  });

  test('http-01: the credential names the owner and bounds the names; issue, renew, revoke', async () => {
    const certbot = new Certbot(chancery, network, 'certbot-bound', 'eab/directory');
    const name = 'mx.mail.test';
    await certbot.ok(
      ...['certonly', ...anonymous, ...bound(binding), ...certbot.standalone, '-d', name],
      ...['--key-type', 'ecdsa'],
    );
    const expected = { names: [name], keyType: 'ec' } as const;
    const first = await judge(chancery, certbot.fullchain(name), expected);
    expect(await chancery.json<Shown>('show', first.serialNumber)).toMatchObject({
      owner: 'mail',
      profile: 'tls-server',
    });
    await certbot.ok('renew', '--force-renewal', '--no-random-sleep-on-renew');
    const second = await judge(chancery, certbot.fullchain(name), expected);
    await certbot.ok(
      ...['revoke', '--cert-name', name, '--reason', 'cessationofoperation'],
      '--no-delete-after-revoke',
    );
    await expectRevoked(chancery, second, 'cessationOfOperation');

    const other = await certbot.run(
      ...['certonly', ...certbot.standalone, '-d', 'mx.elsewhere.test'],
    );
    expect(other.code).toBe(1);
    expect(certbot.log).toContain('urn:ietf:params:acme:error:rejectedIdentifier');
    expect(certbot.log).toContain(`${binding.kid} allows only mail.test`);
  });

  test('--no-challenge: a wildcard without any server, record or query', async () => {
    const certbot = new Certbot(chancery, network, 'certbot-trusted', 'eab/directory');
    const names = ['*.app.inside.test', 'app.inside.test'];
    const before = network.dns.queries.length;
    const said = await certbot.ok(
      ...['certonly', ...anonymous, ...bound(trusted), '--cert-name', 'app'],
      ...['--manual', '--preferred-challenges', 'dns', '--manual-auth-hook', '/bin/false'],
      ...names.flatMap((name) => ['-d', name]),
    );
    expect(said).not.toContain('Hook');
    expect(network.dns.queries.length).toBe(before);
    await judge(chancery, readFileSync(certbot.path('app', 'fullchain'), 'utf8'), {
      names,
      keyType: 'ec',
      keyFile: certbot.path('app', 'privkey'),
    });
  });
});
