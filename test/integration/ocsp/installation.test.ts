/** The responder as quickstart runs it: its own token, its own database role, the real CA. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ClientCertificate } from '../../../ocsp/client-certificate.ts';
import { verifyAnswer } from '../../../scripts/command/ocsp/answer.ts';
import { sequence } from '../../../src/der/index.ts';
import {
  type Certificate,
  createCertID,
  decodePem,
  type Extension,
  encodeOcspRequest,
  type OcspResponse,
  oids,
  parseArchiveCutoff,
  parseCertificate,
  parseOcspResponse,
  signatureAlgorithms,
} from '../../../src/pkix/index.ts';
import { run, useInstallation } from '../../support/installation.ts';
import { until } from '../../support/quickstart-run.ts';
import { testSerialNumber } from '../../support/test-hierarchy.ts';
import { post, statusOf, TestClock } from '../../support/test-responder.ts';

const installation = useInstallation({ CHANCERY_OCSP_DELEGATE_KEYS: 'p256,rsa2048' });

function port(): number {
  return Number(new URL(installation.ocspUrl).port);
}

async function issued(name: string, ...more: string[]) {
  const out = installation.path(`${name}.pem`);
  const key = installation.path(`${name}.key`);
  await installation.ok(
    ...['issue', '--profile', 'tls-server', '--dns', `${name}.example.test`],
    ...['--key-out', key, '--out', out, ...more],
  );
  const [leaf, issuer] = decodePem(installation.read(`${name}.pem`), 'CERTIFICATE').map(({ der }) =>
    parseCertificate(der),
  );
  if (leaf === undefined || issuer === undefined) throw new Error('no chain');
  return { leaf, issuer };
}

async function ask(
  leaf: Certificate,
  issuer: Certificate,
  nonce?: Uint8Array,
  extensions?: readonly Extension[],
): Promise<OcspResponse> {
  const certID = createCertID(
    'sha256',
    issuer.subject,
    issuer.subjectPublicKeyInfo,
    leaf.serialNumber,
  );
  const { body } = await post(port(), encodeOcspRequest({ certIDs: [certID], nonce, extensions }));
  return parseOcspResponse(body);
}

async function shows(leaf: Certificate, issuer: Certificate, expected: string, within = 2000) {
  await until(
    expected,
    async () =>
      statusOf(await ask(leaf, issuer).catch(() => ({ status: 'tryLater' }))) === expected,
    within,
  );
}

describe('the responder of an installation', () => {
  it('O28: a hold is in every answer within 2 s of its commit, under load', async () => {
    const { leaf, issuer } = await issued('held');
    const seen: { readonly response: OcspResponse; readonly at: number }[] = [];
    let running = true;
    const load = Array.from({ length: 8 }, async (_unused, index) => {
      while (running) {
        const nonce = index === 0 ? Buffer.alloc(16, 1) : undefined;
        seen.push({ response: await ask(leaf, issuer, nonce), at: Date.now() });
      }
    });
    await until('load', () => seen.length > 200);
    await installation.ok('hold', leaf.serialNumber);
    const committed = Date.now();
    await until('2.5 s', () => Date.now() > committed + 2500);
    running = false;
    await Promise.all(load);
    const old = seen.filter(({ response }) => statusOf(response) === 'good');
    expect(old.length).toBeGreaterThan(0);
    expect(old.filter(({ at }) => at > committed + 2000)).toEqual([]);
    expect(new Set(seen.map(({ response }) => statusOf(response)))).toEqual(
      new Set(['good', 'revoked:certificateHold']),
    );
    await installation.ok('release', leaf.serialNumber);
    await shows(leaf, issuer, 'good');
    await installation.ok('revoke', leaf.serialNumber, '--reason', 'superseded');
    await shows(leaf, issuer, 'revoked:superseded');
  });

  it('serves a new issuer within seconds, and the issuer itself under its parent', async () => {
    await installation.ok('issuer', 'create', 'second', '--parent', 'root', '--key', 'p384');
    const { leaf, issuer } = await issued('under-second', '--issuer', 'second');
    await shows(leaf, issuer, 'good', 15_000);
    const [root] = decodePem(
      await import('node:fs').then(({ readFileSync }) => readFileSync(installation.root, 'utf8')),
      'CERTIFICATE',
    ).map(({ der }) => parseCertificate(der));
    if (root === undefined) throw new Error('no root');
    await shows(issuer, root, 'good');
    await shows(root, root, 'good');
  });

  it('says what an issuer declares by `issuer policy`, and good the moment that it is issued', async () => {
    const { leaf, issuer } = await issued('declared', '--issuer', 'second');
    const never = { ...leaf, serialNumber: testSerialNumber() };
    await shows(never, issuer, 'unknown');
    await installation.ok(
      ...['issuer', 'policy', 'second', '--extended-revoke', 'yes', '--archive-cutoff', '2555d'],
    );
    await shows(never, issuer, 'revoked:certificateHold', 5000);
    const [single] = (await ask(leaf, issuer)).basic?.responseData.responses ?? [];
    expect(single?.certStatus.type).toBe('good');
    const [extension] = single?.extensions ?? [];
    const cutoff = parseArchiveCutoff(extension?.value ?? new Uint8Array());
    expect(Math.round((Date.now() - cutoff.getTime()) / 86_400_000)).toBe(2555);
    const next = await issued('declared-too', '--issuer', 'second');
    expect(statusOf(await ask(next.leaf, issuer))).toBe('good');
  });

  it('§4.4.7: signs with a second kind of key from its token for clients that prefer it', async () => {
    const { leaf, issuer } = await issued('rsa-client');
    const rsa = signatureAlgorithms.sha256WithRSAEncryption;
    const preferred: Extension = {
      oid: oids.ocspPreferredSignatureAlgorithms,
      critical: false,
      value: sequence(sequence(rsa.identifier.der)),
    };
    const signedWith = async (extensions: readonly Extension[]) => {
      const { basic } = await ask(leaf, issuer, undefined, extensions);
      return basic?.signatureAlgorithm.oid;
    };
    await until(
      'the RSA delegate',
      async () => (await signedWith([preferred])) === rsa.oid,
      15_000,
    );
    expect(await signedWith([])).toBe(oids.ecdsaWithSHA256);
    const certID = createCertID(
      ...(['sha256', issuer.subject, issuer.subjectPublicKeyInfo, leaf.serialNumber] as const),
    );
    const nonce = Buffer.alloc(32, 4);
    const question = { certIDs: [certID], nonce, extensions: [preferred] };
    const { body } = await post(port(), encodeOcspRequest(question));
    const told = verifyAnswer(body, { certificate: leaf, issuer, nonce }, new Date());
    expect(told.certStatus.type).toBe('good');
  });

  it('its client certificate renews itself at the CA, and the new one renews itself again', async () => {
    const clock = new TestClock();
    const folder = join(installation.data, 'responder');
    const client = new ClientCertificate(
      {
        authorityUrl: installation.httpsUrl,
        keyFile: join(folder, 'key.pem'),
        certificateFile: join(folder, 'cert.pem'),
        trustFile: installation.root,
      },
      clock,
      () => undefined,
    );
    const serials = new Set<string>();
    for (let round = 0; round < 3; round += 1) {
      const { parsed } = await client.read();
      serials.add(parsed.serialNumber);
      const { notBefore, notAfter } = parsed.validity;
      clock.offset = (notBefore.getTime() + notAfter.getTime()) / 2 - Date.now() + 1000;
      await client.renewWhenDue();
    }
    expect(serials.size).toBe(3);
  });

  it('SIGKILL: it comes back with its delegates and the same truth', async () => {
    const { leaf, issuer } = await issued('survivor');
    const before = (await ask(leaf, issuer)).basic?.certs[0]?.serialNumber;
    expect(before).toBeDefined();
    installation.kill('ocsp');
    await until('an answer', async () => {
      const answer = await ask(leaf, issuer).catch(() => undefined);
      return answer?.basic?.certs[0]?.serialNumber === before;
    });
    expect(statusOf(await ask(leaf, issuer))).toBe('good');
  });

  it('the database killed: what was signed is served, and it is whole again within 30 s', async () => {
    const { leaf, issuer } = await issued('kept');
    await shows(leaf, issuer, 'good');
    installation.kill('postgres');
    expect(statusOf(await ask(leaf, issuer))).toBe('good');
    await until('new answers', async () => {
      return statusOf(await ask(leaf, issuer, Buffer.alloc(8, 1))) === 'good';
    });
    await until('service of the CA', async () => {
      const { status } = await installation.rest('GET', '/api/v1/whoami').catch(() => ({
        status: 0,
      }));
      return status === 200;
    });
    await installation.ok('revoke', leaf.serialNumber, '--reason', 'keyCompromise');
    await shows(leaf, issuer, 'revoked:keyCompromise');
  });
});

describe('a responder that is configured wrong', () => {
  const main = join(import.meta.dirname, '../../../ocsp/main.ts');
  const tried = async (change: Readonly<Record<string, string>>) =>
    run(process.execPath, [main], {
      env: {
        ...installation.environment,
        CHANCERY_OCSP_DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none',
        ...change,
      },
    });

  it.each([
    ['no database', { CHANCERY_OCSP_DATABASE_URL: '' }, /CHANCERY_OCSP_DATABASE_URL|ocspUrl/],
    [
      'another server without TLS',
      { CHANCERY_OCSP_DATABASE_URL: 'postgresql://a@db.example/x' },
      /sslmode/,
    ],
    ['a lifetime that is none', { CHANCERY_OCSP_LIFETIME: 'forever' }, /duration/],
  ])('%s: one line, exit 78', async (_name, change, line) => {
    const { code, stderr } = await tried(change);
    expect(stderr).toMatch(line);
    // Beside it the log may warn of the test run's own variables.
    const lines = stderr.split('\n').filter((text) => text !== '' && !text.startsWith('{'));
    expect(lines).toHaveLength(1);
    expect(code).toBe(78);
  });
});
