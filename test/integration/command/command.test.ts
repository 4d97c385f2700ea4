/** The chancery command against a running installation: each act once right and once wrong, exit codes, --json. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { useInstallation } from '../../support/installation.ts';
import { sampled } from '../../support/sampled.ts';

const chancery = useInstallation();

interface CertificateJson {
  readonly serialNumber: string;
  readonly status: string;
  readonly reasonCode?: string;
  readonly notAfter: string;
  readonly issuerId: string;
}

async function issue(name: string, ...more: readonly string[]): Promise<string> {
  await chancery.ok(
    ...['issue', '--profile', 'tls-server', '--dns', `${name}.example.test`, ...more],
    ...['--key-out', `${name}.key`, '--out', `${name}.pem`],
  );
  const list = await chancery.json<{ items: readonly CertificateJson[] }>(
    ...['list', '--name', `${name}.example.test`],
  );
  return list.items[0]?.serialNumber ?? '';
}

/** Exit code, and that the reason is on standard error and nothing on standard output. */
async function refused(
  ...parameters: readonly string[]
): Promise<readonly [number | null, string]> {
  const ran = await chancery.chancery(...parameters);
  expect([parameters, ran.stdout]).toEqual([parameters, '']);
  expect(ran.stderr).not.toMatch(/\n {4}at /);
  return [ran.code, ran.stderr];
}

describe('issue, renew, rekey', () => {
  test('names, key kind, validity and owner reach the certificate', async () => {
    await issue('one', '--dns', 'two.example.test', '--ip', '192.0.2.1', '--days', '30');
    const { stdout } = await chancery.openssl(['x509', '-noout', '-text', '-in', 'one.pem']);
    for (const name of ['DNS:one.example.test', 'DNS:two.example.test', 'IP Address:192.0.2.1']) {
      expect(stdout).toContain(name);
    }
    expect(statSync(chancery.path('one.key')).mode & 0o777).toBe(0o600);
  });

  test('--json is the REST representation: certificate, requested and granted', async () => {
    const issued = await chancery.json<{
      certificate: CertificateJson & { chain: string };
      granted: object;
    }>(
      ...['issue', '--profile', 'tls-server', '--dns', 'json.example.test'],
      ...['--key-out', 'json.key', '--out', 'json.pem'],
    );
    expect(issued.certificate).toMatchObject({ status: 'good' });
    expect(issued.certificate.serialNumber).toMatch(/^[0-9a-f]{35,36}$/);
    expect(issued.certificate.chain).toBe(chancery.read('json.pem'));
    expect(issued.granted).toBeTypeOf('object');
  });

  test('a refused request leaves no key behind, so the same command can be repeated', async () => {
    const [code, said] = await refused(
      ...['issue', '--profile', 'tls-server', '--dns', 'not a name'],
      ...['--key-out', 'again.key', '--out', 'again.pem'],
    );
    expect([code, said]).toEqual([1, expect.stringContaining('RFC 1034')]);
    expect(existsSync(chancery.path('again.key'))).toBe(false);
    await issue('again');
  });

  test('an existing key is never overwritten', async () => {
    const before = chancery.read('again.key');
    const [code, said] = await refused(
      ...['issue', '--profile', 'tls-server', '--dns', 'again.example.test'],
      ...['--key-out', 'again.key', '--out', 'again.pem'],
    );
    expect([code, said]).toEqual([1, expect.stringContaining('not overwritten')]);
    expect(chancery.read('again.key')).toBe(before);
  });

  test('what could not be written is not asked for', async () => {
    const before = await chancery.json<{ items: unknown[] }>('list');
    const [code] = await refused(
      ...['issue', '--profile', 'tls-server', '--dns', 'lost.example.test'],
      ...['--key-out', 'lost.key', '--out', 'no/such/folder/lost.pem'],
    );
    expect(code).toBe(1);
    expect(existsSync(chancery.path('lost.key'))).toBe(false);
    expect((await chancery.json<{ items: unknown[] }>('list')).items).toHaveLength(
      before.items.length,
    );
  });

  test('renew keeps the key, rekey makes a new one', async () => {
    await chancery.ok('renew', 'one.pem', '--key', 'one.key', '--out', 'one-renewed.pem');
    await chancery.ok(
      ...['rekey', 'one.pem', '--key', 'one.key'],
      ...['--key-out', 'one-new.key', '--out', 'one-rekeyed.pem'],
    );
    const keyOf = async (file: string): Promise<string> =>
      (await chancery.openssl(['x509', '-noout', '-pubkey', '-in', file])).stdout;
    expect(await keyOf('one-renewed.pem')).toBe(await keyOf('one.pem'));
    expect(await keyOf('one-rekeyed.pem')).not.toBe(await keyOf('one.pem'));
    const fromKey = await chancery.openssl(['pkey', '-pubout', '-in', 'one-new.key']);
    expect(fromKey.stdout).toBe(await keyOf('one-rekeyed.pem'));
  });
});

describe('status', () => {
  test('hold, release and revoke say what the certificate is now', async () => {
    const serial = await issue('status');
    const spelled = `00:${serial.toUpperCase().replace(/(..)(?=.)/g, '$1:')}`;
    expect(await chancery.ok('hold', spelled, '--cause', 'investigation')).toContain('is onHold');
    expect(await chancery.ok('release', serial, '--comment', 'found')).toContain('is good');
    const revoked = await chancery.json<{ certificate: CertificateJson }>(
      ...['revoke', serial, '--reason', 'superseded', '--comment', 'ticket 9'],
    );
    expect(revoked.certificate).toMatchObject({ status: 'revoked', reasonCode: 'superseded' });
    const history = await chancery.json<{ items: { act: string; comment?: string }[]; next: null }>(
      ...['history', serial],
    );
    expect(history.items.map(({ act }) => act)).toEqual(['hold', 'release', 'revoke']);
    expect(history.items.at(-1)?.comment).toBe('ticket 9');
    expect(await refused('hold', serial)).toEqual([1, expect.stringContaining('final')]);
  });

  test('a hold with an end shows it', async () => {
    const serial = await issue('until');
    const said = await chancery.ok(
      ...['hold', serial, '--until', '2099-01-01T00:00:00Z', '--then', 'release'],
    );
    expect(said).toContain('until 2099-01-01T00:00:00Z then release');
    const shown = await chancery.json<object>('show', serial);
    expect(shown).toMatchObject({ status: 'onHold', holdThen: 'release' });
  });
});

describe('list', () => {
  test('pages, filters, and the same objects as show', async () => {
    const page = await chancery.json<{ items: CertificateJson[]; next: string | null }>(
      ...['list', '--profile', 'tls-server', '--limit', '1'],
    );
    expect(page.items).toHaveLength(1);
    expect(page.next).toBeTypeOf('string');
    const rest = await chancery.json<{ items: CertificateJson[] }>(
      ...['list', '--profile', 'tls-server', '--cursor', page.next ?? ''],
    );
    expect(rest.items.map(({ serialNumber }) => serialNumber)).not.toContain(
      page.items[0]?.serialNumber,
    );
    const shown = await chancery.json<object>('show', page.items[0]?.serialNumber ?? '');
    expect(shown).toMatchObject({ ...page.items[0] });
    for (const [filter, value] of [
      ['--status', 'onHold'],
      ['--subject', 'until'],
      ['--owner', 'admin'],
      ['--issuer', 'issuing'],
      ['--expiring-within', '100d'],
    ] as const) {
      const found = await chancery.json<{ items: unknown[] }>('list', filter, value);
      expect([filter, found.items.length > 0]).toEqual([filter, true]);
    }
    expect(await chancery.ok('list', '--status', 'revoked')).toMatch(/^SERIALNUMBER +STATUS/);
  });
});

describe('issuers, profiles, CRLs, bundles', () => {
  test('are listed and shown', async () => {
    expect(await chancery.ok('issuer', 'list')).toMatch(/root +root +active/);
    expect(await chancery.ok('issuer', 'show', 'issuing')).toContain('crl URL:');
    expect(await chancery.ok('profile', 'list')).toMatch(/tls-server +chancery issue/);
    expect(await chancery.ok('profile', 'show', 'tls-server')).toMatch(
      /extendedKeyUsage +fixed +serverAuth/,
    );
    const profile = readFileSync('profiles/tls-server.yaml', 'utf8');
    chancery.write('good.yaml', profile);
    expect(await chancery.ok('profile', 'check', 'good.yaml')).toContain('is a valid profile');
    chancery.write('bad.yaml', `${profile}\nbogus: 1\n`);
    expect(await refused('profile', 'check', 'bad.yaml')).toEqual([
      1,
      expect.stringMatching(/bad\.yaml:\d+: unknown key bogus/),
    ]);
  });

  test('crl publish gives a higher number than the one shown before', async () => {
    type Page = { items: { issuerId: string; crlNumber: string }[]; next: null };
    const before = await chancery.json<Page>('crl', 'show', '--issuer', 'issuing');
    const after = await chancery.json<Page>('crl', 'publish', '--issuer', 'issuing');
    expect(BigInt(after.items[0]?.crlNumber ?? 0)).toBeGreaterThan(
      BigInt(before.items[0]?.crlNumber ?? 0),
    );
    expect((await chancery.json<Page>('crl', 'publish')).items).toHaveLength(2);
  });

  test('bundle get writes what curl gets', async () => {
    await chancery.ok('bundle', 'get', '--out', 'bundle.pem');
    const answer = await fetch(`${chancery.httpUrl}/bundles/default.pem`);
    expect(chancery.read('bundle.pem')).toBe(await answer.text());
  });
});

describe('principals and credentials', () => {
  test('a token works, within its scope, until it is revoked', async () => {
    await chancery.ok('principal', 'create', 'batch', '--role', 'operator');
    const token = await chancery.ok(
      ...['credential', 'create', 'batch', '--scope', 'certificates:read', '--days', '1'],
    );
    chancery.write('token', token);
    const asBatch = { CHANCERY_TOKEN_FILE: chancery.path('token') };
    expect(await chancery.chanceryAs(asBatch, 'list')).toMatchObject({ code: 0, stderr: '' });
    const beyond = await chancery.chanceryAs(asBatch, 'crl', 'publish', '--issuer', 'root');
    expect(beyond.code).toBe(1);
    expect(beyond.stderr).toContain('crls:publish');

    const list = await chancery.json<{ items: { id: string }[] }>('credential', 'list', 'batch');
    expect(await chancery.ok('credential', 'list')).toMatch(/batch .* certificates:read/);
    await chancery.ok('credential', 'revoke', list.items[0]?.id ?? '');
    expect((await chancery.chanceryAs(asBatch, 'list')).code).toBe(1);
  });

  test('--csr binds a client certificate, and renewing it binds the new one', async () => {
    await chancery.openssl([
      ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-keyout', 'ops.key', '-out', 'ops.csr', '-outform', 'DER', '-subj', '/CN=ops'],
    ]);
    await chancery.ok(
      ...[
        'principal',
        'create',
        'ops',
        '--role',
        'auditor',
        '--csr',
        'ops.csr',
        '--out',
        'ops.pem',
      ],
    );
    const as = (certificate: string) => ({
      CHANCERY_CERT: chancery.path(certificate),
      CHANCERY_KEY: chancery.path('ops.key'),
    });
    expect((await chancery.chanceryAs(as('ops.pem'), 'list')).code).toBe(0);
    await chancery.ok('renew', 'ops.pem', '--key', 'ops.key', '--out', 'ops2.pem');
    expect((await chancery.chanceryAs(as('ops2.pem'), 'list')).code).toBe(0);
    const refusal = await chancery.chanceryAs(as('ops2.pem'), 'crl', 'publish');
    expect(refusal.code).toBe(1);
  });
});

describe('on the machine itself', () => {
  test('database verify finds nothing, also as JSON', async () => {
    expect(await chancery.ok('database', 'verify')).toContain('all agree');
    expect(await chancery.json<object>('database', 'verify')).toMatchObject({ findings: [] });
  });

  test('token show names the keys, and that SoftHSM is software', async () => {
    const shown = await chancery.ok('token', 'show', 'issuing');
    expect(shown).toContain('software, not validated');
    const issuing = await chancery.json<{ keyId: string }>('issuer', 'show', 'issuing');
    expect(shown).toContain(issuing.keyId);
  });
});

describe('refused or failed is exit 1, with the reason', () => {
  const cases: readonly (readonly [RegExp, ...string[]])[] = [
    [/there is no profile "nope".*tls-server/, 'issue', '--profile', 'nope', '--dns', 'a.test'],
    [/at least 1 name/, 'issue', '--profile', 'tls-server'],
    [/at most 398 days/, 'issue', '--profile', 'tls-server', '--dns', 'a.test', '--days', '9999'],
    [
      /there is no issuer "nope"/,
      'issue',
      '--profile',
      'tls-server',
      '--dns',
      'a.test',
      '--issuer',
      'nope',
    ],
    [/not 1 to 20 octets of hex/, 'show', 'zz'],
    [/no certificate has the serial number 1234/, 'show', '1234'],
    [/no certificate has/, 'history', '1234'],
    [/no certificate has/, 'revoke', '1234', '--reason', 'superseded'],
    [/no certificate has/, 'hold', '1234'],
    [/no certificate has/, 'release', '1234'],
    [/cursor/, 'list', '--cursor', 'x'],
    [/there is no profile/, 'profile', 'show', 'nope'],
    [/nope can't be read/, 'profile', 'check', 'nope'],
    [/there are: root, issuing/, 'issuer', 'show', 'nope'],
    [/there is no issuer/, 'issuer', 'create', 'x', '--parent', 'nope', '--key', 'p256'],
    [/was not created with --external/, 'issuer', 'csr', 'root', '--out', 'x'],
    [/can't be read/, 'issuer', 'install', 'root', '--chain', 'nope'],
    [/there is no issuer/, 'crl', 'show', '--issuer', 'nope'],
    [/there is no issuer/, 'crl', 'publish', '--issuer', 'nope'],
    [/there is no trust bundle/, 'bundle', 'get', 'nope', '--out', 'x'],
    [/named admin already/, 'principal', 'create', 'admin', '--role', 'operator'],
    [/there is no principal/, 'credential', 'create', 'nope'],
    [/there is no principal/, 'credential', 'list', 'nope'],
    [/there is no credential/, 'credential', 'revoke', 'nope'],
    [/nope can't be read/, 'renew', 'nope', '--key', 'nope', '--out', 'x'],
    [/no certificate in PEM or DER/, 'renew', 'one.key', '--key', 'one.key', '--out', 'x'],
  ];

  const sample = sampled('refusals', cases, 10, (one) => one.slice(1).join(' '));
  test.each(sample.map(([reason, ...parameters]) => [reason, parameters] as const))(
    '%s: %j',
    async (reason, parameters) => {
      const files = parameters[0] === 'issue' ? ['--key-out', 'x.key', '--out', 'x.pem'] : [];
      expect(await refused(...parameters, ...files)).toEqual([1, expect.stringMatching(reason)]);
    },
  );
});

describe('how an issuer tells status', () => {
  interface IssuerJson {
    readonly statusPolicy: { readonly crl: Readonly<Record<string, unknown>> };
  }
  const shards = async () =>
    (
      await chancery.json<{ items: readonly { shard: number; state: string; url: string }[] }>(
        ...['crl', 'shards', '--issuer', 'issuing'],
      )
    ).items;

  test('issuer policy changes what is named; each shard and delta is there when it returns', async () => {
    const table = await chancery.ok(
      ...['issuer', 'policy', 'issuing', '--crl-shards', '3', '--delta', '1h'],
    );
    expect(table).toMatch(/^crl +shards +3$/m);
    const { statusPolicy } = await chancery.json<IssuerJson>('issuer', 'policy', 'issuing');
    expect(statusPolicy.crl).toMatchObject({ shards: 3, deltaSeconds: 3600, scopes: 'all' });
    for (const { url } of await shards()) {
      for (const each of [url, url.replace(/\.crl$/, '-delta.crl')]) {
        const path = new URL(each).pathname;
        expect((await fetch(`${chancery.httpUrl}${path}`)).status).toBe(200);
      }
    }
  });

  test('crl retire: the shard gets no new certificates, and its CRLs go on', async () => {
    expect(await chancery.ok('crl', 'retire', '0', '--issuer', 'issuing')).toBe(
      'shard 0 of issuing is retired\n',
    );
    expect((await shards()).map(({ shard, state }) => `${shard} ${state}`)).toEqual([
      '0 retired',
      '1 open',
      '2 open',
    ]);
    const published = await chancery.json<{ items: readonly { shard: number; kind: string }[] }>(
      ...['crl', 'publish', '--issuer', 'issuing'],
    );
    expect(published.items.map(({ shard }) => shard)).toEqual([0, 1, 2]);
    await chancery.ok('crl', 'retire', '1', '--issuer', 'issuing');
  });

  test.each([
    [/is the last/, 'crl', 'retire', '2', '--issuer', 'issuing'],
    [/has no shard 9/, 'crl', 'retire', '9', '--issuer', 'issuing'],
    [/at most|half/, 'issuer', 'policy', 'issuing', '--delta', '300d'],
    [/there is no issuer/, 'crl', 'retire', '0', '--issuer', 'nope'],
  ])('refused: %s', async (reason, ...parameters) => {
    expect(await refused(...parameters)).toEqual([1, expect.stringMatching(reason)]);
  });
});

describe('the first failure that a user meets', () => {
  beforeAll(async () => {
    await chancery.openssl([
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'strange.key'],
      ...['-out', 'strange.pem', '-subj', '/CN=strange'],
    ]);
  });

  test('a strange client certificate: exit 1, and what to present', async () => {
    const ran = await chancery.chanceryAs(
      { CHANCERY_CERT: chancery.path('strange.pem'), CHANCERY_KEY: chancery.path('strange.key') },
      'list',
    );
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('bound to a principal');
  });

  test('a root that does not vouch for the server: exit 1, nothing sent', async () => {
    const ran = await chancery.chanceryAs({ CHANCERY_TRUST: chancery.path('strange.pem') }, 'list');
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('CHANCERY_TRUST');
  });

  test('no credential file: exit 1, and where it is looked for', async () => {
    const ran = await chancery.chanceryAs({ CHANCERY_CERT: '/nonexistent/cert.pem' }, 'list');
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('CHANCERY_CERT');
  });
});
