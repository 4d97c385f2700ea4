import { createHash, createPublicKey } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AdoptIssuerRequest } from '../../../src/authority/index.ts';
import { isChanceryError } from '../../../src/domain/index.ts';
import { openToken, type Token } from '../../../src/hsm/index.ts';
import type { GeneratedKey } from '../../../src/keys/index.ts';
import {
  assembleSigned,
  type Certificate,
  type Extension,
  encodeBasicConstraints,
  encodeKeyUsage,
  encodeNameConstraints,
  encodePem,
  encodePolicyConstraints,
  encodeSubjectKeyIdentifier,
  encodeTbsCertificate,
  type KeyAlgorithmName,
  keyIdentifier,
  type Name,
  parseCertificate,
  parseDistinguishedName,
  parseSubjectPublicKeyInfo,
  signatureAlgorithms,
} from '../../../src/pkix/index.ts';
import { admin, csrFor, freshKey, testAuthority } from '../../support/authority.ts';
import { runCommand, scratchFolder } from '../../support/openssl.ts';
import { sampleCertificate, sampleKey } from '../../support/pki-samples.ts';
import { softHsmModule } from '../../support/softhsm.ts';

const chancery = await testAuthority('adoption');
const { authority } = chancery;
const scratch = scratchFolder();

/** The tokens as a former CA has them open: what it makes there, our inventory knows nothing of. */
let former: Token;
let formerRoot: Token;
const homeOf = (role: string): string => join(chancery.folder, 'tokens', role);
const environmentOf = (role: string) => ({ SOFTHSM2_CONF: join(homeOf(role), 'softhsm2.conf') });
const environment = environmentOf('issuing');
const openFormer = (role: 'root' | 'issuing'): Token =>
  openToken({
    role,
    module: softHsmModule(),
    label: role,
    pinFile: join(homeOf(role), 'pin'),
    environment: environmentOf(role),
    clock: { now: () => new Date() },
  });

beforeAll(() => {
  former = openFormer('issuing');
  formerRoot = openFormer('root');
});
afterAll(async () => {
  await former.close();
  await formerRoot.close();
  scratch.remove();
});

async function formerKey(label: string, keyAlgorithm: KeyAlgorithmName = 'p256') {
  return former.generateKeyPair({
    keyAlgorithm,
    signatureAlgorithm: keyAlgorithm.startsWith('rsa')
      ? 'sha256WithRSAEncryption'
      : 'ecdsa-with-SHA256',
    purposes: ['certificate', 'crl'],
    label,
  });
}

const parentKey = sampleKey('ecdsa-with-SHA384', 40);
const parent = sampleCertificate({ key: parentKey, subject: 'CN=Parent elsewhere', ca: true });

/** What a parent elsewhere made for the key, years ago. */
function certified(
  key: GeneratedKey,
  subject: string,
  extensions: readonly Extension[] = [],
): Certificate {
  const spki = parseSubjectPublicKeyInfo(key.subjectPublicKeyInfo);
  return sampleCertificate({
    key: { ...parentKey, spki },
    subject,
    issuer: { certificate: parent, key: parentKey },
    ca: true,
    extensions,
  });
}

const adopt = async (request: AdoptIssuerRequest) => authority.adoptIssuer(admin, request);

/** Code and message of the refusal. */
async function refused(request: AdoptIssuerRequest): Promise<string> {
  try {
    await adopt(request);
    return 'adopted';
  } catch (error) {
    if (!isChanceryError(error)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

describe('a key pair already in a token', () => {
  test('waits for its chain as one made with --external; the CSR proves possession', async () => {
    const key = await formerKey('waiting');
    const record = await adopt({
      name: 'waiting',
      keyId: key.keyId,
      subject: 'CN=Agency CA,O=Agency',
    });
    expect(record).toMatchObject({ state: 'pending', kind: 'external', keyId: key.keyId });
    const kept = await chancery.read(async ({ keys }) => keys.find('default', key.keyId));
    expect(kept).toMatchObject({
      origin: 'adopted',
      type: 'ca',
      privateState: 'pre-activation',
      tokenRole: 'issuing',
      attributes: { sensitive: true, neverExtractable: true, decrypt: false },
    });
    const csr = await authority.issuerRequest(admin, 'waiting');
    const file = scratch.file('waiting.csr', encodePem('CERTIFICATE REQUEST', csr));
    const seen = runCommand('openssl', ['req', '-verify', '-noout', '-text', '-in', file]);
    expect(seen.status).toBe(0);
    expect(seen.output).toMatch(/O ?= ?Agency, CN ?= ?Agency CA/);

    const own = certified(key, 'CN=Agency CA,O=Agency');
    const installed = await authority.installIssuer(admin, 'waiting', [own.der, parent.der]);
    expect(installed.state).toBe('active');
    expect(await chancery.audit('issuer.adopt')).toContainEqual(
      expect.objectContaining({ outcome: 'done', object: 'waiting' }),
    );
  });

  test('with the chain that its CA has, it issues at once, and openssl follows the path', async () => {
    const key = await formerKey('running');
    const own = certified(key, 'CN=Running CA');
    const record = await adopt({
      name: 'running',
      keyId: key.keyId,
      token: 'issuing',
      chain: [own.der, parent.der],
      formerCrlNumber: 4711n,
    });
    expect(record).toMatchObject({ state: 'active', issuerId: key.keyId });
    const issued = await authority.issueCertificate(admin, {
      profile: 'tls-server',
      csr: csrFor(freshKey(), 'adopted.example.test'),
      issuer: 'running',
    });
    const leaf = scratch.pem('leaf.pem', [parseCertificate(issued.certificate)]);
    const verified = runCommand('openssl', [
      ...['verify', '-attime', String(chancery.clock.now().getTime() / 1000)],
      ...['-CAfile', scratch.pem('parent.pem', [parent])],
      ...['-untrusted', scratch.pem('own.pem', [own]), leaf],
    ]);
    expect(verified).toMatchObject({ status: 0 });
    // RFC 5280 §5.2.3: ours go on above what the former CA counted.
    expect(chancery.crl(record.issuerId).crlNumber).toBeGreaterThan(4711n);
  });

  test('a root, with the certificate that it gave itself: anchored, and it certifies at once', async () => {
    const subject = parseDistinguishedName('CN=Former Root');
    const key = await formerRoot.generateKeyPair({
      ...{ keyAlgorithm: 'p256', signatureAlgorithm: 'ecdsa-with-SHA256', label: 'former-root' },
      ...{ purposes: ['certificate', 'crl'], issuerName: subject.der },
    });
    const { own, tbs } = selfSigned(key, subject);
    const { keyId, algorithm } = key;
    const signature = await formerRoot.sign({
      ...{ keyId, algorithm, purpose: 'certificate', bytes: tbs, deadline: 10_000 },
    });
    const chain = [own(signature)];
    const record = await adopt({ name: 'former-root', keyId, chain });
    expect(record).toMatchObject({ kind: 'root', state: 'active', tokenRole: 'root' });
    const { anchors } = await authority.trustBundle('default');
    expect(anchors.map((one) => one.subject)).toContain('CN=Former Root');
    await authority.createIssuer(admin, {
      ...{ name: 'below-former', kind: 'subordinate', keyAlgorithm: 'p256', parent: 'former-root' },
      days: 100,
    });
    const { certificate, issuer } = await chancery
      .issue({ issuer: 'below-former' })
      .then(async (issued) => ({
        certificate: parseCertificate(issued.certificate),
        issuer: await authority.showIssuer(admin, 'below-former'),
      }));
    const verified = runCommand('openssl', [
      ...['verify', '-attime', String(chancery.clock.now().getTime() / 1000)],
      ...['-CAfile', scratch.pem('root.pem', chain.map(parseCertificate))],
      ...['-untrusted', scratch.pem('low.pem', [parseCertificate(issuer.certificate ?? keyless)])],
      scratch.pem('low-leaf.pem', [certificate]),
    ]);
    expect(verified).toMatchObject({ status: 0 });
  });

  test('refused under one name, it is adopted under another: nothing of the first is left', async () => {
    const key = await formerKey('second-try');
    const excluded = chainUnder(
      key,
      encodeNameConstraints({
        permittedSubtrees: [],
        excludedSubtrees: [{ base: { type: 'directoryName', name: parent.subject } }],
      }),
    );
    expect(await refused({ name: 'first-try', keyId: key.keyId, chain: excluded })).toMatch(
      /policyViolation/,
    );
    const { keyId, algorithm } = key;
    const bytes = Buffer.from('3003020100', 'hex');
    const direct = chancery.tokens.issuing.sign({
      ...{ keyId, algorithm, purpose: 'certificationRequest', bytes, deadline: 5000 },
    });
    await expect(direct).rejects.toThrow('it is not bound');
    expect(await adopt({ name: 'second-try', keyId })).toMatchObject({ state: 'pending' });
  });
});

describe('nothing is taken, and nothing kept, of', () => {
  test('a pair that pkcs11-tool made with its defaults: it may decrypt and unwrap (I48)', async () => {
    const tool = (...more: string[]) =>
      runCommand('env', [
        `SOFTHSM2_CONF=${environment.SOFTHSM2_CONF}`,
        ...['pkcs11-tool', '--module', softHsmModule(), '--token-label', 'issuing'],
        ...['--login', '--pin', '648219', ...more],
      ]);
    const made = tool(
      ...['--keypairgen', '--key-type', 'EC:prime256v1', '--usage-sign', '--sensitive'],
      ...['--label', 'weak', '--id', 'aa'],
    );
    expect(made.status).toBe(0);
    tool(
      '--read-object',
      '--type',
      'pubkey',
      '--id',
      'aa',
      '-o',
      join(chancery.folder, 'weak.der'),
    );
    const spki = runCommand('openssl', [
      ...['pkey', '-pubin', '-inform', 'DER', '-in', join(chancery.folder, 'weak.der')],
      ...['-outform', 'PEM'],
    ]).output;
    const der = createPublicKey(spki).export({ format: 'der', type: 'spki' });
    const id = Buffer.from(keyIdentifier(parseSubjectPublicKeyInfo(der))).toString('hex');
    for (const type of ['privkey', 'pubkey']) tool('--type', type, '--id', 'aa', '--set-id', id);
    expect(await refused({ name: 'weak', keyId: id })).toMatch(
      /policyViolation.*CKA_DECRYPT is set/,
    );
  });

  test.each<[string, (key: GeneratedKey) => Partial<AdoptIssuerRequest>, RegExp]>([
    ['a key that is not there', () => ({ keyId: 'ab'.repeat(20) }), /notFound.*no private key/],
    [
      'a key that is another issuer’s',
      () => ({ keyId: chancery.issuing.keyId }),
      /alreadyExists.*in the inventory/,
    ],
    ['a name that is taken', () => ({ name: 'issuing' }), /alreadyExists.*named issuing/],
    ['a name that is none', () => ({ name: '../x' }), /invalidArgument.*letters/],
    ['another token', () => ({ token: 'elsewhere' }), /notFound.*issuing token/],
    [
      'a CRL number ahead of ours',
      () => ({ formerCrlNumber: 1n << 100n }),
      /policyViolation.*for an older one/,
    ],
    [
      'a root whose key is not in the root token',
      () => ({ chain: [parent.der] }),
      /notFound.*no private key/,
    ],
    [
      'a chain for another key',
      (key) => ({
        chain: [
          certified({ ...key, subjectPublicKeyInfo: parentKey.spki.der }, 'CN=x').der,
          parent.der,
        ],
      }),
      /policyViolation.*not for the key/,
    ],
    [
      'a chain with a subject beside it',
      (key) => ({ subject: 'CN=x', chain: [certified(key, 'CN=y').der] }),
      /invalidArgument.*subject/,
    ],
    [
      'a chain that a CA above refuses by names',
      (key) => ({
        chain: chainUnder(
          key,
          encodeNameConstraints({
            permittedSubtrees: [],
            excludedSubtrees: [{ base: { type: 'directoryName', name: parent.subject } }],
          }),
        ),
      }),
      /policyViolation.*excludes/,
    ],
    [
      'a chain without the policy that a CA above asks for',
      (key) => ({ chain: chainUnder(key, encodePolicyConstraints({ requireExplicitPolicy: 0 })) }),
      /policyViolation.*valid for a policy/,
    ],
  ])('%s', async (what, change, message) => {
    const key = await formerKey(what.slice(0, 30));
    const request = { name: `n${createHash('sha1').update(what).digest('hex')}`, keyId: key.keyId };
    expect(await refused({ ...request, ...change(key) })).toMatch(message);
    expect(
      await chancery.read(async ({ keys }) => keys.find('default', key.keyId)),
    ).toBeUndefined();
    expect((await former.keyIds()).includes(key.keyId)).toBe(true);
  });

  test('a key that was reported compromised', async () => {
    const key = await formerKey('compromised');
    const spki = parseSubjectPublicKeyInfo(key.subjectPublicKeyInfo);
    const hash = createHash('sha256').update(spki.der).digest('hex');
    await chancery.storage.unitOfWork.run(async ({ inventory }) =>
      inventory.blockKey('default', hash, 'keyCompromise', new Date(), 'admin'),
    );
    expect(await refused({ name: 'blocked', keyId: key.keyId })).toMatch(
      /badPublicKey.*compromised/,
    );
  });
});

const keyless = new Uint8Array();

/** What a root says of itself: to be signed, and put together with the signature. */
function selfSigned({ subjectPublicKeyInfo, algorithm }: GeneratedKey, subject: Name) {
  const spki = parseSubjectPublicKeyInfo(subjectPublicKeyInfo);
  const signature = signatureAlgorithms[algorithm];
  const year = 365 * 86_400_000;
  const now = Math.floor(chancery.clock.now().getTime() / 1000) * 1000;
  const tbs = encodeTbsCertificate({
    ...{ serialNumber: '4a5b6c7d8e9f00112233445566778899', signature, issuer: subject, subject },
    validity: { notBefore: new Date(now - year), notAfter: new Date(now + 9 * year) },
    subjectPublicKeyInfo: spki,
    extensions: [
      encodeSubjectKeyIdentifier(keyIdentifier(spki)),
      encodeBasicConstraints({ cA: true }),
      encodeKeyUsage(['keyCertSign', 'cRLSign']),
    ],
  });
  return { tbs, own: (value: Uint8Array) => assembleSigned(tbs, signature, value) };
}

/** A CA between the parent elsewhere and the key, with one more extension. */
function chainUnder(key: GeneratedKey, extension: Extension): readonly Uint8Array[] {
  const middleKey = sampleKey('ecdsa-with-SHA256', 41);
  const middle = sampleCertificate({
    key: middleKey,
    subject: 'CN=Middle',
    issuer: { certificate: parent, key: parentKey },
    ca: true,
    extensions: [extension],
  });
  const own = sampleCertificate({
    key: { ...middleKey, spki: parseSubjectPublicKeyInfo(key.subjectPublicKeyInfo) },
    subject: 'CN=Below,CN=Parent elsewhere',
    issuer: { certificate: middle, key: middleKey },
    ca: true,
  });
  return [own.der, middle.der, parent.der];
}
