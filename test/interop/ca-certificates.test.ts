/** What stands above a leaf: CA certificates' own status by OCSP and CRL, the root's delegate, bundles. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { run, useInstallation } from '../support/installation.ts';
import { until } from '../support/quickstart-run.ts';
import { keyIdentifierOf } from '../support/relying-party.ts';

const chancery = useInstallation({ CHANCERY_KEYS_DISTRIBUTE_BEFORE_ACTIVATION: '0s' });

interface IssuerJson {
  readonly name: string;
  readonly issuerId: string;
  readonly serialNumber: string;
  readonly pem: string;
  readonly urls: { readonly caIssuers: string };
}

/** root > policy > deep: each CA is asked for under the one above it. */
beforeAll(async () => {
  await chancery.ok('issuer', 'create', 'policy', '--parent', 'root', '--key', 'p384');
  await chancery.ok('issuer', 'create', 'deep', '--parent', 'policy', '--key', 'rsa2048');
  for (const name of ['root', 'issuing', 'policy', 'deep']) {
    const issuer = await chancery.json<IssuerJson>('issuer', 'show', name);
    chancery.write(`${name}.pem`, issuer.pem);
  }
  await chancery.ok(
    ...['issue', '--profile', 'tls-server', '--issuer', 'deep', '--dns', 'deep.example.test'],
    ...['--key-out', 'leaf.key', '--out', 'leaf.pem'],
  );
}, 60_000);

async function opensslOcsp(issuer: string, certificate: string, digest: string): Promise<string> {
  const { stdout, stderr } = await chancery.openssl([
    ...['ocsp', `-${digest}`, '-CAfile', 'root.pem', '-verify_other', `${issuer}.pem`],
    ...['-issuer', `${issuer}.pem`, '-cert', `${certificate}.pem`, '-url', chancery.ocspUrl],
    ...['-resp_text'],
  ]);
  return stdout + stderr;
}

describe.each([
  ['root', 'issuing'],
  ['root', 'policy'],
  ['policy', 'deep'],
])('the status of a CA: %s answers for %s', (issuer, certificate) => {
  beforeAll(async () => {
    await until(
      'the delegate',
      async () => (await opensslOcsp(issuer, certificate, 'sha1')).includes(': good'),
      30_000,
    );
  }, 40_000);

  test.each(['sha1', 'sha256'])('openssl believes it with %s', async (digest) => {
    const said = await opensslOcsp(issuer, certificate, digest);
    expect(said).toContain('Response verify OK');
    expect(said).toContain(`${certificate}.pem: good`);
  });

  test('the delegate is named for that issuer, signed by it directly, and may do nothing else (RFC 6960 §4.2.2.2)', async () => {
    const said = await opensslOcsp(issuer, certificate, 'sha1');
    const delegate = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/.exec(said)?.[0];
    chancery.write(`${certificate}-delegate.pem`, delegate ?? '');
    const text = await chancery.openssl([
      ...['x509', '-noout', '-text', '-in', `${certificate}-delegate.pem`],
    ]);
    expect(text.stdout).toContain('OCSP Signing');
    expect(text.stdout).toContain('OCSP No Check');
    expect(text.stdout).toContain('CA:FALSE');
    const verified = await chancery.openssl([
      ...['verify', '-x509_strict', '-purpose', 'ocsphelper', '-CAfile', 'root.pem'],
      ...['-untrusted', `${issuer}.pem`, `${certificate}-delegate.pem`],
    ]);
    expect(verified.stdout).toContain(': OK');
  });

  test('GnuTLS believes it', async () => {
    const { stdout, stderr } = await run(
      'ocsptool',
      [
        ...[`--ask=${chancery.ocspUrl}`, '--load-issuer', `${issuer}.pem`],
        ...['--load-cert', `${certificate}.pem`, '--load-trust', `${issuer}.pem`],
      ],
      { cwd: chancery.work },
    );
    expect(stdout + stderr).toMatch(/Verifying OCSP Response: Success/);
    expect(stdout).toMatch(/Certificate Status: good/);
  });
});

test('the caIssuers addresses lead from a leaf up to the root (RFC 5280 §4.2.2.1)', async () => {
  let pem = chancery.read('leaf.pem').split(/(?=-----BEGIN)/)[0] ?? '';
  const chain: string[] = [];
  for (;;) {
    const { stdout } = await chancery.openssl(['x509', '-noout', '-text'], pem);
    const url = /CA Issuers - URI:(\S+)/.exec(stdout)?.[1];
    if (url === undefined) break;
    const answer = await fetch(url);
    expect(answer.headers.get('content-type')).toBe('application/pkix-cert');
    const der = Buffer.from(await answer.arrayBuffer());
    pem = (await chancery.openssl(['x509', '-inform', 'DER'], der)).stdout;
    chain.push(keyIdentifierOf(pem));
  }
  const expected = ['deep', 'policy', 'root'].map((name) =>
    keyIdentifierOf(chancery.read(`${name}.pem`)),
  );
  expect(chain).toEqual(expected);
});

test('a CA on hold takes what is below it along; after its release all is good again', async () => {
  const { stdout } = await chancery.openssl(['x509', '-noout', '-serial', '-in', 'policy.pem']);
  const serial = stdout.trim().replace('serial=', '');
  const chainWithCrls = async (): Promise<string> => {
    let crls = '';
    for (const name of ['deep', 'policy', 'root']) {
      const { issuerId } = await chancery.json<IssuerJson>('issuer', 'show', name);
      const answer = await fetch(`${chancery.httpUrl}/crl/${issuerId}/0.crl`);
      const der = Buffer.from(await answer.arrayBuffer());
      crls += (await chancery.openssl(['crl', '-inform', 'DER'], der)).stdout;
    }
    chancery.write('all.crls', crls);
    const said = await chancery.openssl([
      ...['verify', '-x509_strict', '-crl_check_all', '-CAfile', 'root.pem'],
      ...['-untrusted', 'leaf.pem', '-CRLfile', 'all.crls', 'leaf.pem'],
    ]);
    return said.stdout + said.stderr;
  };
  expect(await chainWithCrls()).toContain('leaf.pem: OK');
  await chancery.ok('hold', serial, '--issuer', 'root', '--cause', 'investigation');
  await until(
    'the root to name it in its CRL',
    async () => /certificate revoked/.test(await chainWithCrls()),
    10_000,
  );
  await until(
    'the root to name it in OCSP',
    async () => /certificateHold/.test(await opensslOcsp('root', 'policy', 'sha1')),
    10_000,
  );
  await chancery.ok('release', serial, '--issuer', 'root');
  await until(
    'the chain to be good',
    async () => /leaf\.pem: OK/.test(await chainWithCrls()),
    10_000,
  );
}, 60_000);

describe('the bundle of trust anchors', () => {
  beforeAll(async () => {
    await chancery.ok('issuer', 'create', 'second-root', '--root', '--key', 'rsa3072');
    for (const format of ['pem', 'p7b']) {
      const answer = await fetch(`${chancery.httpUrl}/bundles/default.${format}`);
      expect(answer.status).toBe(200);
      chancery.write(`bundle.${format}`, Buffer.from(await answer.arrayBuffer()));
      const secure = await run('curl', [
        ...['-sS', '--cacert', chancery.root, `${chancery.httpsUrl}/bundles/default.${format}`],
        ...['-o', chancery.path(`secure.${format}`)],
      ]);
      expect(secure.code).toBe(0);
      expect(readFileSync(chancery.path(`secure.${format}`))).toEqual(
        readFileSync(chancery.path(`bundle.${format}`)),
      );
    }
  }, 60_000);

  test('openssl verifies a leaf with either form', async () => {
    const converted = await chancery.openssl([
      ...['pkcs7', '-inform', 'DER', '-in', 'bundle.p7b', '-print_certs', '-out', 'from-p7b.pem'],
    ]);
    expect(converted.code).toBe(0);
    for (const anchors of ['bundle.pem', 'from-p7b.pem']) {
      expect(chancery.read(anchors).match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
      const { stdout } = await chancery.openssl([
        ...['verify', '-x509_strict', '-CAfile', anchors, '-untrusted', 'leaf.pem', 'leaf.pem'],
      ]);
      expect([anchors, stdout.trim()]).toEqual([anchors, 'leaf.pem: OK']);
    }
  });

  test('GnuTLS reads both forms and verifies a leaf', async () => {
    const info = await run('certtool', ['--p7-info', '--inder', '--infile', 'bundle.p7b'], {
      cwd: chancery.work,
    });
    expect(info.stdout).toContain('Number of certificates: 2');
    const { stdout, stderr } = await run(
      'certtool',
      ['--verify', '--load-ca-certificate', 'bundle.pem', '--infile', 'leaf.pem'],
      { cwd: chancery.work },
    );
    expect(stdout + stderr).toContain('Chain verification output: Verified');
  });

  test('each anchor is self-signed and strict for both', async () => {
    const blocks = chancery
      .read('bundle.pem')
      .split(/(?=-----BEGIN)/)
      .filter(Boolean);
    for (const [index, pem] of blocks.entries()) {
      const file = `anchor-${index}.pem`;
      chancery.write(file, pem);
      const { stdout } = await chancery.openssl([
        ...['verify', '-x509_strict', '-check_ss_sig', '-CAfile', file, file],
      ]);
      expect(stdout).toContain(': OK');
      const gnutls = await run('certtool', ['--verify-chain', '--infile', file], {
        cwd: chancery.work,
      });
      expect(gnutls.stdout + gnutls.stderr).toContain('Verified');
    }
  });
});

describe('issuer rollover by commands', () => {
  const why = ['--reason', 'a drill', '--approval', 'CR-17'];

  test('prepare, activate, link, cross, retire: each tells where things stand', async () => {
    const prepared = await chancery.json<{ standing: string }>(
      ...['issuer', 'rollover', 'prepare', 'deep', '--as', 'deep-2', '--same-name', ...why],
    );
    expect(prepared.standing).toBe('prepared');
    const dated = await chancery.json<{ activateAt: string }>(
      ...['issuer', 'rollover', 'activate', 'deep-2', '--at', '2999-01-01T00:00:00Z', ...why],
    );
    expect(dated.activateAt).toBe('2999-01-01T00:00:00Z');
    const cancelled = await chancery.json<{ activateAt?: string }>(
      ...['issuer', 'rollover', 'activate', 'deep-2', '--cancel', ...why],
    );
    expect(cancelled.activateAt).toBeUndefined();
    const early = await chancery.chancery('issuer', 'rollover', 'retire', 'deep', ...why);
    expect(early).toMatchObject({ code: 1 });
    expect(early.stderr).toContain('no successor that issues');
    await chancery.ok('issuer', 'rollover', 'activate', 'deep-2', ...why);
    // Its responder has a delegate of deep, so deep-2 waits for one.
    await until(
      'deep-2 to issue',
      async () =>
        (await chancery.json<{ standing: string }>('issuer', 'show', 'deep-2')).standing ===
        'issuing',
      60_000,
    );
    const links = await chancery.json<{ items: { kind: string; url: string }[] }>(
      ...['issuer', 'link', 'deep-2'],
    );
    expect(links.items.map(({ kind }) => kind)).toEqual(['newWithOld', 'oldWithNew']);
    const fetched = await fetch(links.items[0]?.url ?? '');
    expect(fetched.headers.get('content-type')).toBe('application/pkix-cert');
    await chancery.ok('issuer', 'cross', 'deep-2', '--by', 'root');
    expect(await chancery.ok('issuer', 'cross', 'deep-2')).toContain('cross');
    const renewBy = new Date(Date.now() + 86_400_000).toISOString();
    await chancery.ok('issuer', 'rollover', 'retire', 'deep', ...why, '--renew-by', renewBy);
    expect(await chancery.ok('acme', 'incident', 'list')).not.toBe('');
    const said = await chancery.ok('issuer', 'rollover', 'status', 'deep');
    expect(said).toContain('retiring');
    expect(said).toContain('deep-2');
    expect(await chancery.ok('issuer', 'list')).toMatch(/deep-2 .*issuing/);
  }, 120_000);
});
