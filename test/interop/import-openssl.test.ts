/** Certificates that a real `openssl ca` made: taken over with their status, seen and revoked here. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { fetchCrl } from '../support/crash-judges.ts';
import { useInstallation } from '../support/installation.ts';
import { until } from '../support/quickstart-run.ts';

const chancery = useInstallation();
const old = (name: string): string => chancery.path(join('old', name));

async function openssl(...parameters: readonly string[]): Promise<void> {
  const { code, stderr } = await chancery.openssl(parameters);
  if (code !== 0) throw new Error(stderr);
}

const settings = (folder: string): string => `
[ca]
default_ca = old
[old]
dir = ${folder}
database = ${folder}/index.txt
new_certs_dir = ${folder}/newcerts
certificate = ${folder}/ca.pem
private_key = ${folder}/ca.key
serial = ${folder}/serial
default_md = sha256
default_days = 365
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
`;

/** A CA with certificates 1000 (good), 1001 (keyCompromise), 1002 (on hold), 1003 (expired), 1004 (its file is lost). */
beforeAll(async () => {
  mkdirSync(old('newcerts'), { recursive: true });
  writeFileSync(old('index.txt'), '');
  writeFileSync(old('serial'), '1000\n');
  writeFileSync(old('ca.cnf'), settings(old('')));
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await openssl(
    ...['req', '-x509', ...key, '-keyout', old('ca.key'), '-out', old('ca.pem')],
    ...['-subj', '/O=Elsewhere/CN=Old CA', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  );
  const times = ['-startdate', '20200101000000Z', '-enddate', '20210101000000Z'];
  for (const [name, options] of [
    ['good', []],
    ['stolen', []],
    ['asleep', []],
    ['past', times],
    ['lost', []],
  ] as const) {
    await openssl(
      ...['req', '-new', ...key, '-keyout', old(`${name}.key`), '-out', old(`${name}.csr`)],
      ...['-subj', `/CN=${name}.old.test`, '-addext', `subjectAltName=DNS:${name}.old.test`],
    );
    const files = ['-in', old(`${name}.csr`), '-out', old(`${name}.pem`)];
    await openssl('ca', '-batch', '-config', old('ca.cnf'), ...options, ...files);
  }
  const revoke = ['ca', '-config', old('ca.cnf'), '-revoke'];
  await openssl(...revoke, old('stolen.pem'), '-crl_compromise', '20260101000000Z');
  await openssl(...revoke, old('asleep.pem'), '-crl_reason', 'certificateHold');
  await openssl('ca', '-config', old('ca.cnf'), '-updatedb');
  rmSync(old('newcerts/1004.pem'));
  expect(
    readFileSync(old('index.txt'), 'utf8')
      .match(/^[VRE]/gm)
      ?.join(''),
  ).toBe('VRREV');
}, 120_000);

const all = (): readonly string[] => [
  ...['--index', old('index.txt'), '--issuer-certificate', old('ca.pem')],
  ...['--owner', 'team-old', '--tag', 'old'],
];
interface Shown {
  readonly serialNumber: string;
  readonly status: string;
  readonly reasonCode?: string;
  readonly revocationTime?: string;
  readonly invalidityDate?: string;
  readonly origin: string;
  readonly issuer: string;
  readonly subject: string;
}
const listed = async (): Promise<readonly Shown[]> =>
  (await chancery.json<{ items: readonly Shown[] }>('list', '--tag', 'old')).items;

test('a dry run says what would be done and does nothing', async () => {
  expect(await chancery.ok('import', ...all(), '--dry-run')).toContain('would be imported 5');
  expect(await listed()).toEqual([]);
});

test('certificates, status, dates and reasons come over; what has no file comes by its serial number', async () => {
  const report = chancery.path('report.jsonl');
  expect(await chancery.ok('import', ...all(), '--report', report)).toContain('imported 5');
  const lines = chancery.read('report.jsonl').trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as Shown).serialNumber)).toEqual([
    ...['1000', '1001', '1002', '1003', '1004'],
  ]);
  const found = new Map((await listed()).map((one) => [one.serialNumber, one]));
  expect(found.get('1000')).toMatchObject({
    status: 'good',
    origin: 'imported',
    subject: 'CN=good.old.test',
    issuer: 'CN=Old CA,O=Elsewhere',
  });
  expect(found.get('1001')).toMatchObject({
    status: 'revoked',
    reasonCode: 'keyCompromise',
    invalidityDate: '2026-01-01T00:00:00Z',
  });
  expect(found.get('1002')?.status).toBe('onHold');
  expect(found.get('1003')).toMatchObject({ status: 'good', subject: 'CN=past.old.test' });
  expect(found.get('1004')).toMatchObject({ status: 'good', subject: 'CN=lost.old.test' });
  const history = await chancery.ok('history', '1001');
  expect(history).toContain('imported from');
  expect(await chancery.ok('show', '1001', '--issuer', 'CN=Old CA,O=Elsewhere')).toContain(
    'its CA is not ours',
  );
});

test('again: nothing is done twice; what was revoked there since is revoked here', async () => {
  expect(await chancery.ok('import', ...all())).toContain('there already 5');
  await openssl(
    'ca',
    '-config',
    old('ca.cnf'),
    '-revoke',
    old('lost.pem'),
    '-crl_reason',
    'superseded',
  );
  expect(await chancery.ok('import', ...all())).toMatch(/imported 0, updated 1, there already 4/);
  expect((await chancery.json<Shown>('show', '1004')).reasonCode).toBe('superseded');
});

test('revoked here: recorded, the key blocked, and the answer says who must publish it', async () => {
  const said = await chancery.ok('revoke', '1000', '--reason', 'keyCompromise');
  expect(said).toContain('when that CA publishes the revocation');
  const refused = await chancery.chancery(
    ...['issue', '--profile', 'tls-server', '--csr', old('good.csr'), '--out', 'x.pem'],
  );
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('compromise');
  const stolen = await chancery.chancery(
    ...['issue', '--profile', 'tls-server', '--csr', old('stolen.csr'), '--out', 'x.pem'],
  );
  expect(stolen.code).toBe(1);
});

test('of a stranger, of a forged signature, of no certificate: refused with the reason, the rest goes in', async () => {
  const folder = chancery.path('mixed');
  mkdirSync(folder);
  const der = Buffer.from(
    readFileSync(old('asleep.pem'), 'latin1').match(/CERTIFICATE-----([^-]+)/)?.[1] ?? '',
    'base64',
  );
  der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1);
  writeFileSync(join(folder, 'forged.der'), der);
  writeFileSync(join(folder, 'noise.pem'), 'nothing here');
  writeFileSync(join(folder, 'whole.pem'), readFileSync(old('past.pem')));
  writeFileSync(join(folder, 'stranger.pem'), readFileSync(join(chancery.data, 'trust/root.pem')));
  const { code, stdout } = await chancery.chancery(
    ...['import', folder, '--issuer', 'CN=Old CA,O=Elsewhere'],
  );
  expect(code).toBe(1);
  expect(stdout).toMatch(/forged.der: .*signature does not verify/);
  expect(stdout).toMatch(/noise.pem: no certificate is in it/);
  expect(stdout).toMatch(/stranger.pem: its issuer .* is none of those/);
  expect(stdout).toContain('there already 1, refused 3');
  expect((await chancery.chancery('import')).code).toBe(2);
  const index = chancery.write('not-index.txt', 'X\tnonsense\n');
  expect((await chancery.chancery('import', '--index', index)).stderr).toContain('not-index.txt:1');
});

test('of an issuer of ours by an index: on its CRL and revoked by OCSP', async () => {
  const index = chancery.write(
    'ours.txt',
    'R\t300101000000Z\t260301000000Z,superseded\t0ABC01\tunknown\t/O=x/CN=early\n',
  );
  await chancery.ok('import', '--index', index, '--issuer', 'issuing', '--tag', 'early');
  const { issuerId } = await chancery.json<{ readonly issuerId: string }>('show', 'abc01');
  await until('the CRL to name it', async () => {
    writeFileSync(chancery.path('now.crl'), await fetchCrl(chancery, issuerId));
    const text = await chancery.openssl([
      'crl',
      '-in',
      'now.crl',
      '-inform',
      'DER',
      '-noout',
      '-text',
    ]);
    return /Serial Number: 0ABC01\s+Revocation Date: Mar {2}1 00:00:00 2026/.test(text.stdout);
  });
  const issuer = chancery.path('issuing.cer');
  const answer = await fetch(`${chancery.httpUrl}/ca/${issuerId}.cer`);
  writeFileSync(issuer, new Uint8Array(await answer.arrayBuffer()));
  await until('OCSP to say so', async () => {
    const ocsp = await chancery.openssl([
      ...['ocsp', '-issuer', issuer, '-serial', '0xabc01', '-url', chancery.ocspUrl, '-noverify'],
    ]);
    return /0xabc01: revoked[\s\S]*superseded/.test(ocsp.stdout);
  });
  expect(await chancery.ok('list', '--tag', 'early')).toContain('CN=early,O=x');
  expect(readdirSync(chancery.work)).toContain('report.jsonl');
});
