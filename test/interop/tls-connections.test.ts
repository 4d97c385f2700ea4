/** TLS between programs that others wrote, with our certificates: mutual, stapled, revocation looked up by itself. */
import { appendFileSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Ran, run, startProgram, useInstallation } from '../support/installation.ts';
import { freePorts, until } from '../support/quickstart-run.ts';

const chancery = useInstallation();
const kinds = ['p256', 'p384', 'p521', 'rsa2048', 'rsa3072', 'rsa4096', 'ed25519'] as const;

/** What is started in a test is stopped after it. */
const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});

interface Pair {
  readonly key: string;
  readonly certificate: string;
}

/** Issues with a key of that kind; `NAME.issuers` holds the issuers for those that want them apart. */
async function pair(name: string, kind: string, ...wanted: readonly string[]): Promise<Pair> {
  await chancery.ok(
    ...['issue', ...wanted, '--key', kind, '--key-out', `${name}.key`, '--out', `${name}.pem`],
  );
  const [, ...issuers] = chancery.read(`${name}.pem`).split(/(?=-----BEGIN)/);
  chancery.write(`${name}.issuers`, issuers.join(''));
  return { key: `${name}.key`, certificate: `${name}.pem` };
}

async function port(): Promise<string> {
  return (await freePorts())['CHANCERY_HTTP_PORT'] ?? '';
}

/** openssl as a server that asks for a client certificate and staples an OCSP response that it fetches itself. */
async function serve(name: string, extra: readonly string[] = []): Promise<string> {
  const at = await port();
  // For stapling s_server looks for its own issuer among what it trusts.
  chancery.write('trusted.pem', chancery.read(`${name}.issuers`));
  appendFileSync(chancery.path('trusted.pem'), chancery.read('root.pem'));
  const server = startProgram(
    'openssl',
    [
      ...['s_server', '-accept', `127.0.0.1:${at}`, '-www', '-CAfile', 'trusted.pem'],
      ...['-cert', `${name}.pem`, '-key', `${name}.key`, '-cert_chain', `${name}.issuers`],
      ...['-Verify', '4', '-verify_return_error', '-status', ...extra],
    ],
    chancery.work,
  );
  running.push(server);
  await until('openssl to listen', () => server.output().includes('ACCEPT'));
  return at;
}

/** openssl as a client that fetches every CRL from the addresses in the certificates. */
async function opensslAsks(
  at: string,
  client: string | undefined,
  extra: readonly string[] = [],
): Promise<string> {
  const { stdout, stderr } = await chancery.openssl(
    [
      ...['s_client', '-connect', `127.0.0.1:${at}`, '-servername', 'node.example.test'],
      ...['-verify_hostname', 'node.example.test', '-CAfile', 'root.pem', '-verify_return_error'],
      ...['-x509_strict', '-crl_check_all', '-crl_download', '-status', '-ign_eof', ...extra],
      ...(client === undefined
        ? []
        : ['-cert', `${client}.pem`, '-key', `${client}.key`, '-cert_chain', `${client}.issuers`]),
    ],
    'GET / HTTP/1.0\r\n\r\n',
  );
  return stdout + stderr;
}

/** GnuTLS as a client; with `--ocsp` it asks the responder that the certificate names. */
async function gnutlsAsks(at: string, client: string): Promise<Ran> {
  return await run(
    'gnutls-cli',
    [
      ...['--x509cafile=root.pem', `--x509certfile=${client}.pem`, `--x509keyfile=${client}.key`],
      ...['--verify-hostname=node.example.test', '--ocsp', '-p', at, '127.0.0.1'],
    ],
    { cwd: chancery.work, input: '', timeout: 20_000 },
  );
}

beforeAll(async () => {
  chancery.write('root.pem', await (await fetch(`${chancery.httpUrl}/bundles/default.pem`)).text());
});

describe.each(kinds)('both sides with keys %s', (kind) => {
  beforeAll(async () => {
    await pair(`server-${kind}`, kind, '--profile', 'tls-server', '--dns', 'node.example.test');
    await pair(`client-${kind}`, kind, '--profile', 'tls-client', '--subject', `CN=worker ${kind}`);
  });

  test('openssl and openssl: verified both ways, CRLs downloaded, the status stapled', async () => {
    const said = await opensslAsks(await serve(`server-${kind}`), `client-${kind}`);
    expect(said).toContain('OCSP Response Status: successful');
    expect(said).toContain('Cert Status: good');
    expect(said).toContain('Verification: OK');
    expect(said).toContain('Verified peername: node.example.test');
    expect(said).toMatch(/HTTP\/1\.0 200/i);
  });

  test('GnuTLS and openssl: verified both ways, the status stapled', async () => {
    const { code, stdout, stderr } = await gnutlsAsks(
      await serve(`server-${kind}`),
      `client-${kind}`,
    );
    expect(stdout + stderr).toContain('The certificate is trusted');
    expect(stdout).toContain('OCSP status request');
    expect(code).toBe(0);
  });
});

test('TLS 1.2 does as well', async () => {
  const said = await opensslAsks(await serve('server-rsa2048'), 'client-p256', ['-tls1_2']);
  expect(said).toContain('TLSv1.2');
  expect(said).toContain('Verification: OK');
});

test('GnuTLS as a server takes the client certificate of either', async () => {
  // In a network namespace of its own: gnutls-serv listens on every address.
  chancery.write(
    'gnutls-server.sh',
    [
      'set -u',
      "python3 -c \"import socket,fcntl,struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh', b'lo', 0x41))\"",
      'gnutls-serv --http --require-client-cert --verify-client-cert --x509cafile=root.pem \\',
      '  --x509certfile=server-p256.pem --x509keyfile=server-p256.key -p 5556 >server.log 2>&1 &',
      'for i in $(seq 200); do (exec 3<>/dev/tcp/127.0.0.1/5556) 2>/dev/null && break; sleep 0.05; done',
      `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | openssl s_client -connect 127.0.0.1:5556 -CAfile root.pem \\`,
      '  -verify_return_error -verify_hostname node.example.test -ign_eof -cert client-p384.pem \\',
      '  -key client-p384.key -cert_chain client-p384.issuers >openssl.log 2>&1',
      `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | gnutls-cli --x509cafile=root.pem --x509certfile=client-rsa2048.pem \\`,
      '  --x509keyfile=client-rsa2048.key --verify-hostname=node.example.test -p 5556 127.0.0.1 >gnutls.log 2>&1',
      'kill %1',
    ].join('\n'),
  );
  await run('unshare', ['--map-root-user', '--net', 'bash', 'gnutls-server.sh'], {
    cwd: chancery.work,
    timeout: 25_000,
  });
  expect(chancery.read('openssl.log')).toContain('Verification: OK');
  expect(chancery.read('gnutls.log')).toContain('The certificate is trusted');
  const server = chancery.read('server.log');
  for (const client of ['worker p384', 'worker rsa2048']) {
    expect(server).toMatch(
      new RegExp(`Status: The certificate is trusted[^*]*Subject: CN=${client}`),
    );
  }
}, 40_000);

describe('the wrong certificate for the purpose', () => {
  test('a client certificate does not serve', async () => {
    const said = await opensslAsks(await serve('client-p256'), 'client-p384');
    expect(said).toMatch(/unsupported certificate purpose|hostname mismatch|unsuitable/i);
    expect(said).not.toMatch(/HTTP\/1\.0 200/i);
  });

  test('a server certificate does not log in as a client', async () => {
    const said = await opensslAsks(await serve('server-p256'), 'server-p384');
    expect(said).toMatch(/alert/i);
    expect(said).not.toMatch(/HTTP\/1\.0 200/i);
  });

  test('tls-mutual does both', async () => {
    await pair('both', 'p256', '--profile', 'tls-mutual', '--dns', 'node.example.test');
    expect(await opensslAsks(await serve('both'), 'both')).toMatch(/HTTP\/1\.0 200/i);
  });
});

describe('a certificate on hold', () => {
  // Downloads are for the store of -verifyCAfile only.
  const extra = ['-crl_check_all', '-crl_download', '-verifyCAfile', 'root.pem'];

  async function serialOf(name: string): Promise<string> {
    const { stdout } = await chancery.openssl(['x509', '-noout', '-serial', '-in', name]);
    return stdout.trim().replace('serial=', '');
  }

  test('of the client: the server that looks up CRLs refuses it until it is released', async () => {
    await pair('held', 'p256', '--profile', 'tls-client', '--subject', 'CN=held');
    const serial = await serialOf('held.pem');
    const at = await serve('server-p256', extra);
    expect(await opensslAsks(at, 'held')).toMatch(/HTTP\/1\.0 200/i);
    await chancery.ok('hold', serial);
    await until(
      'the server to refuse it',
      async () => /certificate revoked/.test(await opensslAsks(at, 'held')),
      10_000,
    );
    await chancery.ok('release', serial);
    await until(
      'the server to take it again',
      async () => /HTTP\/1\.0 200/i.test(await opensslAsks(at, 'held')),
      10_000,
    );
  }, 40_000);

  test('of the server: openssl by CRL and GnuTLS by OCSP refuse it', async () => {
    await pair('shaky', 'p256', '--profile', 'tls-server', '--dns', 'node.example.test');
    const serial = await serialOf('shaky.pem');
    const at = await serve('shaky');
    expect((await gnutlsAsks(at, 'client-p256')).code).toBe(0);
    await chancery.ok('hold', serial);
    await until(
      'openssl to refuse it',
      async () => /certificate revoked/.test(await opensslAsks(at, 'client-p256')),
      10_000,
    );
    await until(
      'GnuTLS to refuse it',
      async () => (await gnutlsAsks(at, 'client-p256')).code !== 0,
      10_000,
    );
    const refused = await gnutlsAsks(at, 'client-p256');
    expect(refused.stdout + refused.stderr).toMatch(/revoked/i);
  }, 40_000);
});
