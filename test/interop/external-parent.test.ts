/** A subordinate whose parent is elsewhere: CSR out, chain made by openssl in, certificates verified from there. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { useInstallation } from '../support/installation.ts';

const chancery = useInstallation();

async function foreignRoot(): Promise<void> {
  await chancery.openssl([
    ...[
      'req',
      '-x509',
      '-newkey',
      'rsa:3072',
      '-nodes',
      '-keyout',
      'foreign.key',
      '-out',
      'foreign.pem',
    ],
    ...[
      '-days',
      '3650',
      '-subj',
      '/C=NL/O=Elsewhere/CN=Foreign Root',
      '-addext',
      'keyUsage=critical,keyCertSign,cRLSign',
    ],
  ]);
}

test('`issuer create` without saying where its parent is, is a usage error', async () => {
  expect((await chancery.chancery('issuer', 'create', 'lost', '--key', 'p256')).code).toBe(2);
});

test('CSR out, chain in', async () => {
  await foreignRoot();
  await chancery.ok(
    'issuer',
    'create',
    'guest',
    '--external',
    '--key',
    'p256',
    '--subject',
    'CN=Guest CA,O=Chancery',
  );
  await chancery.ok('issuer', 'csr', 'guest', '--out', 'guest.csr');
  const request = await chancery.openssl(['req', '-in', 'guest.csr', '-noout', '-verify']);
  expect(request.stdout + request.stderr).toContain('verify OK');

  const waiting = await chancery.chancery(
    ...[
      'issue',
      '--profile',
      'tls-server',
      '--issuer',
      'guest',
      '--dns',
      'a.test',
      '--key-out',
      'a.key',
      '--out',
      'a.pem',
    ],
  );
  expect(waiting.code).toBe(1);
  expect(waiting.stderr).toContain('waits for its chain');

  chancery.write(
    'ca.cnf',
    [
      'basicConstraints=critical,CA:TRUE,pathlen:0',
      'keyUsage=critical,keyCertSign,cRLSign',
      'subjectKeyIdentifier=hash',
      'authorityKeyIdentifier=keyid',
      'nameConstraints=critical,permitted;DNS:example.test',
      '',
    ].join('\n'),
  );
  await chancery.openssl([
    ...[
      'x509',
      '-req',
      '-in',
      'guest.csr',
      '-CA',
      'foreign.pem',
      '-CAkey',
      'foreign.key',
      '-CAcreateserial',
    ],
    ...['-days', '1000', '-extfile', 'ca.cnf', '-out', 'guest.pem'],
  ]);
  chancery.write('chain.pem', chancery.read('guest.pem') + chancery.read('foreign.pem'));
  await chancery.ok('issuer', 'install', 'guest', '--chain', 'chain.pem');
  await chancery.ok(
    ...['issue', '--profile', 'tls-server', '--issuer', 'guest', '--dns', 'b.example.test'],
    ...['--key-out', 'b.key', '--out', 'b.pem'],
  );
  const verified = await chancery.openssl([
    'verify',
    '-CAfile',
    'foreign.pem',
    '-untrusted',
    'b.pem',
    'b.pem',
  ]);
  expect(verified.stdout).toContain('b.pem: OK');
});

test('name constraints of the foreign parent bind what is issued below (RFC 5280 §4.2.1.10)', async () => {
  const refused = await chancery.chancery(
    ...[
      'issue',
      '--profile',
      'tls-server',
      '--issuer',
      'guest',
      '--dns',
      'other.org',
      '--key-out',
      'c.key',
      '--out',
      'c.pem',
    ],
  );
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('RFC 5280 §4.2.1.10');
});

test('its path length binds what can be made below (RFC 5280 §4.2.1.9)', async () => {
  const refused = await chancery.chancery(
    'issuer',
    'create',
    'deeper',
    '--parent',
    'guest',
    '--key',
    'p256',
  );
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('RFC 5280 §4.2.1.9');
});

test('a chain for another key is refused and leaves the issuer as it was', async () => {
  await chancery.ok(
    'issuer',
    'create',
    'second',
    '--external',
    '--key',
    'p256',
    '--subject',
    'CN=Second CA',
  );
  const refused = await chancery.chancery('issuer', 'install', 'second', '--chain', 'chain.pem');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('not for the key of issuer second');
  const shown = await chancery.json<{ state: string }>('issuer', 'show', 'second');
  expect(shown.state).toBe('pending');
});

test('the bundle has both trust anchors', async () => {
  await chancery.ok('bundle', 'get', '--format', 'pem', '--out', 'bundle.pem');
  const bundle = chancery.read('bundle.pem');
  expect(bundle.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  expect(readFileSync(chancery.root, 'utf8').length).toBeGreaterThan(100);
});
