/** CRL in, OCSP out: a responder without a database for a CA that is `openssl ca`, judged by openssl and GnuTLS. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ForeignAuthorities } from '../../ocsp/foreign/foreign-authorities.ts';
import { type Responder, startResponder } from '../../ocsp/responder.ts';
import { createCertID, parseOcspResponse } from '../../src/pkix/index.ts';
import { gnutlsOcsp, opensslOcsp } from '../support/ocsp-judges.ts';
import { OpensslCa } from '../support/openssl-ca.ts';
import { until } from '../support/quickstart-run.ts';
import { softwareToken } from '../support/software-token.ts';
import { post, requestFor, statusOf, TestClock } from '../support/test-responder.ts';

const ca = new OpensslCa();
const folder = mkdtempSync(join(tmpdir(), 'chancery-foreign-'));
const clock = new TestClock();
const token = softwareToken();
const logs: { message: string; fields?: Readonly<Record<string, unknown>> | undefined }[] = [];
const names = ['good', 'stolen', 'held', 'later'] as const;
let foreign: ForeignAuthorities;
let responder: Responder;

async function start(): Promise<void> {
  const common = {
    ...{ folder, token, clock, signDeadline: 5000 },
    log: (_level: string, message: string, fields?: Readonly<Record<string, unknown>>) => {
      logs.push({ message, fields });
    },
  };
  foreign = new ForeignAuthorities({
    ...{ ...common, alone: true, enrols: true },
    authorities: [
      {
        ...{ name: 'legacy', certificate: ca.certificate, scope: 'all' },
        ...{ locations: [crlUrl, ca.path('delta.crl')], refreshMilliseconds: 200 },
        delegateCertificateFile: ca.path('delegate.pem'),
      },
    ],
  });
  await foreign.start();
  responder = await startResponder({
    ...{ ...common, listen: [{ host: '127.0.0.1', port: 0 }], source: foreign, foreign },
    enrolment: {
      ...{ authorityUrl: 'https://localhost:9', keyFile: '', certificateFile: '', trustFile: '' },
    },
    ...{ validitySeconds: 3600, requestTimeoutMilliseconds: 10_000, drainTimeoutMilliseconds: 500 },
    ...{ delegateKeys: ['p256'], responderId: 'key' },
    timing: { issuersInterval: 100, readinessInterval: 300 },
  });
}

/** The operator's web server. */
let crlUrl = '';
const web = createServer((_request, response) => {
  if (existsSync(ca.path('ca.crl'))) response.end(readFileSync(ca.path('ca.crl')));
  else response.writeHead(404).end();
});

beforeAll(async () => {
  for (const name of names) ca.issue(name);
  await new Promise<void>((done) => web.listen(0, '127.0.0.1', done));
  const address = web.address();
  crlUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/ca.crl`;
  await start();
});
afterAll(async () => {
  await responder.close();
  await foreign.close();
  web.close();
  rmSync(folder, { recursive: true, force: true });
});

async function ask(serialNumber: string) {
  const { subject, subjectPublicKeyInfo } = ca.certificate;
  const certID = createCertID('sha1', subject, subjectPublicKeyInfo, serialNumber);
  return parseOcspResponse((await post(responder.ports[0] ?? 0, requestFor([certID]))).body);
}

const status = async (name: string): Promise<string> =>
  statusOf(await ask(ca.read(`${name}.pem`).serialNumber));

async function shows(name: string, expected: string): Promise<void> {
  await until(`${name} to be ${expected}`, async () => (await status(name)) === expected, 10_000);
}

test('key and request are made by the responder; a delegate that lacks what it needs is refused, the right one is picked up', async () => {
  const request = join(folder, 'foreign', 'legacy', 'request.pem');
  await until('the request', () => existsSync(request));
  expect(responder.readiness().ready).toBe(false);
  ca.crl('ca.crl');
  ca.delta('delta.crl', 0x10, []);
  ca.write('delegate.csr', readFileSync(request));
  ca.sign('delegate.csr', 'delegate.pem', 'leaf');
  await until('the refusal', () =>
    logs.some(({ message }) => message.includes('delegate certificate is not used')),
  );
  expect(await status('good')).toBe('tryLater');
  ca.sign('delegate.csr', 'delegate.pem', 'ocsp');
  await until('the responder to be ready', () => responder.readiness().ready);
  await shows('good', 'good');
});

test('what the CRL lists is revoked with its reason, time and invalidity date; a new CRL shows at once', async () => {
  ca.revoke('stolen', '-crl_compromise', '20260101000000Z');
  ca.revoke('held', '-crl_hold', 'holdInstructionNone');
  ca.crl('ca.crl');
  ca.delta('delta.crl', 0x12, []);
  await shows('stolen', 'revoked:keyCompromise');
  await shows('held', 'revoked:certificateHold');
  await shows('good', 'good');
  const single = (await ask(ca.read('stolen.pem').serialNumber)).basic?.responseData.responses[0];
  expect(single?.extensions?.map(({ oid }) => oid)).toEqual(['2.5.29.24']);
});

test('openssl and GnuTLS accept the answers; their times are those of the CRL', async () => {
  const url = `http://127.0.0.1:${responder.ports[0]}/`;
  const common = { issuer: ca.path('ca.pem'), url, root: ca.path('ca.pem') };
  const openssl = await opensslOcsp({
    ...common,
    certificates: [ca.path('good.pem'), ca.path('stolen.pem')],
  });
  expect(openssl.output).toContain('Response verify OK');
  expect(openssl.output).toContain('good.pem: good');
  expect(openssl.output).toMatch(/stolen.pem: revoked[\s\S]*Reason: keyCompromise/);
  for (const [name, said] of [
    ['good', 'Certificate Status: good'],
    ['held', 'Certificate Status: revoked'],
  ] as const) {
    const gnutls = await gnutlsOcsp({ ...common, certificate: ca.path(`${name}.pem`) });
    expect(gnutls.output).toContain(said);
    expect(gnutls.output).toContain('Verifying OCSP Response: Success');
  }
  const single = (await ask(ca.read('good.pem').serialNumber)).basic?.responseData.responses[0];
  expect(Date.now() - (single?.thisUpdate.getTime() ?? 0)).toBeGreaterThan(0);
  expect(single?.nextUpdate?.getTime()).toBeLessThanOrEqual(Date.now() + 3600_000);
});

test('a delta adds and releases until a new complete CRL says so', async () => {
  const delta = [
    { serialNumber: ca.read('later.pem').serialNumber, reason: 'superseded' },
    { serialNumber: ca.read('held.pem').serialNumber, reason: 'removeFromCRL' },
  ];
  ca.delta('delta.crl', 0x12, delta);
  await shows('later', 'revoked:superseded');
  await shows('held', 'good');
  await shows('stolen', 'revoked:keyCompromise');
  ca.release('held');
  ca.revoke('later', '-crl_reason', 'superseded');
  ca.crl('ca.crl');
  await until('the new complete CRL', () =>
    logs.some(
      ({ fields }) => fields?.['crlNumber'] === String(0x15) && fields['kind'] === 'complete',
    ),
  );
  await shows('later', 'revoked:superseded');
  await shows('held', 'good');
});

test('a CRL that goes back, of another CA, indirect or broken is refused, and the one before stays', async () => {
  const newest = readFileSync(ca.path('ca.crl'));
  const refusals = () =>
    logs.flatMap(({ fields }) => (typeof fields?.['reason'] === 'string' ? fields['reason'] : []));
  const refused = async (why: string) => {
    await until(why, () => refusals().some((reason) => reason.includes(why)));
    expect(await status('stolen')).toBe('revoked:keyCompromise');
  };
  ca.write('crlnumber', '11\n');
  ca.crl('ca.crl');
  await refused('does not go on from');
  const other = new OpensslCa();
  ca.write('ca.crl', readFileSync(other.crl('ca.crl')));
  await refused("the CA's key did not sign it");
  ca.write('crlnumber', '50\n');
  ca.crl('ca.crl', '-crlexts', 'indirect');
  await refused('indirect CRL');
  ca.write('ca.crl', newest.subarray(0, 200));
  await refused("can't be read");
  ca.write('ca.crl', newest);
});

test('past nextUpdate nothing is said, also after a restart; a new CRL ends that', async () => {
  const url = ca.path('ca.crl');
  const newest = readFileSync(url);
  await responder.close();
  await foreign.close();
  rmSync(url);
  await start();
  // The CRLs that were kept answer while the CA's server is away.
  await shows('stolen', 'revoked:keyCompromise');
  clock.offset = 3 * 3_600_000;
  await shows('good', 'tryLater');
  await shows('stolen', 'tryLater');
  clock.offset = 0;
  ca.write('ca.crl', newest);
  await shows('good', 'good');
});
