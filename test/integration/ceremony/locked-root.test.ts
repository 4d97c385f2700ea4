/** A whole installation whose root token is locked away between ceremonies, its processes running. */
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { goodAnswers, people } from '../../support/ceremony.ts';
import { useInstallation } from '../../support/installation.ts';
import { until } from '../../support/quickstart-run.ts';

const chancery = useInstallation({ CHANCERY_ROOT_TOKEN_PRESENCE: 'ceremony' });

const token = (): string => join(chancery.data, 'tokens', 'root');
const vault = (): string => join(chancery.folder, 'vault');

/** Brings the token, holds the ceremony, locks the token away again, and has the transcript verified. */
async function hold(kind: string, name: string, rest: string): Promise<void> {
  renameSync(vault(), token());
  const file = chancery.write(
    `${name}.yaml`,
    `ceremony: ${kind}\nname: ${name}\npurpose: a test\n${people}by: { issuer: root }\n${rest}`,
  );
  const answers = chancery.write('answers.yaml', JSON.stringify(goodAnswers));
  const transcript = `${name}.transcript`;
  await chancery.ok('ceremony', 'run', file, '--answers', answers, '--transcript', transcript);
  renameSync(token(), vault());
  const key = `${transcript}.pub`;
  await chancery.ok('ceremony', 'verify', transcript, '--trust', chancery.root, '--trust', key);
}

/** What openssl says of the root's CRL as it is served. */
async function rootCrl(): Promise<string> {
  const { issuerId } = await chancery.json<{ issuerId: string }>('issuer', 'show', 'root');
  const octets = await (await fetch(`${chancery.httpUrl}/crl/${issuerId}/0.crl`)).arrayBuffer();
  const shown = await chancery.openssl(
    ['crl', '-inform', 'DER', '-CAfile', chancery.root, '-noout', '-crlnumber', '-nextupdate'],
    new Uint8Array(octets),
  );
  expect(shown.stderr).toContain('verify OK');
  return shown.stdout;
}

/** What openssl makes of the answer about the issuing CA's own certificate. */
async function issuingStatus(): Promise<string> {
  const request = ['-issuer', chancery.root, '-cert', 'chain-only.pem', '-no_nonce'];
  const answer = await chancery.openssl([
    ...['ocsp', ...request, '-url', chancery.ocspUrl, '-CAfile', chancery.root],
  ]);
  return `${answer.stdout}${answer.stderr}`;
}

test('without the root’s token all but the root’s own acts goes on', async () => {
  expect(existsSync(token())).toBe(true);
  await chancery.stop();
  renameSync(token(), vault());
  await chancery.start();
  const names = ['--profile', 'tls-server', '--dns', 'locked.test'];
  const files = ['--key-out', 'locked.key', '--out', 'locked.pem'];
  await chancery.ok('issue', ...names, ...files);
  const [, issuing = ''] = chancery.read('locked.pem').split(/(?<=-----END CERTIFICATE-----\n)/);
  chancery.write('chain-only.pem', issuing);
  const refused = await chancery.chancery('crl', 'publish', '--issuer', 'root');
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('ceremony');
  expect(existsSync(token())).toBe(false);
  // Only a ceremony makes the root's delegate: the responder is ready for the others, and the CA says so.
  expect(await issuingStatus()).toContain('trylater');
  await until('the warning', async () =>
    (await chancery.ok('key', 'list')).includes('has no OCSP delegate of root'),
  );
}, 120_000);

test('a ceremony makes the root’s delegate: the responder picks it up and answers', async () => {
  const said = await chancery.ok('ocsp', 'delegate-request', '--out', 'delegate.csr');
  const sha256 = /([0-9a-f]{64})/.exec(said)?.[1] ?? '';
  const request = `request: { file: delegate.csr, sha256: '${sha256}' }`;
  await hold('delegate', 'root-delegate', `responder: responder\n${request}\ndays: 100\n`);
  await until('good', async () => /: good/.test(await issuingStatus()), 60_000);
  expect(await issuingStatus()).toContain('Response verify OK');
  // The ceremony knew nothing of the responder's token; the responder has told since.
  type Key = { readonly type: string; readonly tokenIdentity: object };
  const { items } = await chancery.json<{ items: readonly Key[] }>('key', 'list');
  const delegates = items.filter(({ type }) => type === 'ocspResponder');
  expect(delegates).toHaveLength(2);
  const tokens = delegates.map(({ tokenIdentity }) => tokenIdentity);
  expect(JSON.stringify(tokens)).not.toContain('not told');
}, 120_000);

test('another makes its next CRL, which the processes that run serve', async () => {
  const before = await rootCrl();
  await hold('root-crl', 'root-crl', 'crl: { days: 150 }\n');
  await until('the next CRL to be served', async () => (await rootCrl()) !== before);
  renameSync(vault(), token());
}, 120_000);
