/** Keys that the authority does not make itself stand in its inventory all the same (SP 800-57 Part 1 §9.2.1). */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { defaultKeySettings } from '../../../src/authority/dependencies.ts';
import { softwareCertificationRequest } from '../../../src/authority/index.ts';
import { defaultTenant } from '../../../src/domain/index.ts';
import type { KeyRecord, KeyType, TokenObject } from '../../../src/keys/index.ts';
import { admin, freshKey, principal, refusal, testAuthority } from '../../support/authority.ts';
import { makeRequest, type SoftwareKey } from '../../support/software-issuer.ts';

const chancery = await testAuthority('recorded-keys');
const { authority } = chancery;
const responder = principal('responder', 'ocsp-1');

const told = {
  label: 'ocsp',
  token: {
    label: 'chancery-responder',
    serialNumber: '7',
    manufacturer: 'Maker',
    model: 'Model',
    firmwareVersion: '1.2',
    hardware: true,
  },
  attributes: {
    token: true,
    private: true,
    sensitive: true,
    alwaysSensitive: true,
    extractable: false,
    neverExtractable: true,
    local: true,
    sign: true,
    decrypt: false,
    unwrap: false,
    derive: false,
    modifiable: false,
    copyable: false,
  },
};

async function keysOf(type: KeyType): Promise<readonly KeyRecord[]> {
  const keys = await chancery.read(async (transaction) => transaction.keys.list(defaultTenant));
  return keys.filter((key) => key.type === type);
}

async function enrol(key: SoftwareKey, by = responder): Promise<unknown> {
  const csr = makeRequest(key, '').der;
  return authority.enrolResponder(by, { issuer: 'issuing', csr, key: told });
}

async function recorded(key: SoftwareKey): Promise<KeyRecord> {
  const spki = Buffer.from(key.subjectPublicKeyInfo.der);
  const found = (await keysOf('ocspResponder')).find((one) =>
    spki.equals(one.subjectPublicKeyInfo),
  );
  if (found === undefined) throw new Error('the key is not recorded');
  return found;
}

describe("a responder's key", () => {
  test('is recorded and active with its first certificate, as the responder told; each is a version of one record', async () => {
    const [first, second] = [freshKey(), freshKey()];
    await enrol(first);
    await enrol(first);
    await enrol(second);
    const record = await recorded(first);
    expect(record).toMatchObject({
      privateState: 'active',
      tokenRole: 'responder',
      owner: 'ocsp-1',
      issuerId: chancery.issuing.issuerId,
      token: told.token,
      attributes: told.attributes,
    });
    expect(await recorded(second)).toMatchObject({
      record: record.record,
      version: record.version + 1,
    });
  });

  test('of a module without validation is refused before anything is signed, where validation is required', async () => {
    const strict = await chancery.node('strict', {
      settings: { keys: { ...defaultKeySettings, requireValidatedModule: true } },
    });
    const certificates = async () =>
      chancery.sql('SELECT count(*) FROM certificates').then(([row]) => row);
    const before = await certificates();
    const csr = makeRequest(freshKey(), '').der;
    const request = { issuer: 'issuing', csr, key: told };
    expect(await refusal(strict.authority.enrolResponder(responder, request))).toBe(
      'policyViolation',
    );
    expect(await certificates()).toEqual(before);
  });

  test('of which nothing was told counts as unprotected', async () => {
    const key = freshKey();
    const csr = makeRequest(key, '').der;
    await authority.enrolResponder(responder, { issuer: 'issuing', csr });
    expect((await recorded(key)).attributes).toMatchObject({ sensitive: false, extractable: true });
  });

  test('is counted and destroyed by its responder alone; the destruction leaves evidence', async () => {
    const key = freshKey();
    await enrol(key);
    const { keyId } = await recorded(key);
    const destroyed = [{ keyId, objects: 2, reason: 'followed by another' }];
    const other = principal('responder', 'ocsp-2');
    for (const report of [
      { keys: [{ keyId, signatures: 9 }], destroyed: [] },
      { keys: [], destroyed },
    ]) {
      expect(await refusal(authority.reportResponderKeys(other, report))).toBe('forbidden');
    }
    const report = { keys: [{ keyId, signatures: 7 }], destroyed };
    await authority.reportResponderKeys(responder, report);
    await authority.reportResponderKeys(responder, report);
    expect(await recorded(key)).toMatchObject({
      privateState: 'destroyed',
      publicState: 'deactivated',
    });
    const { usage, evidence } = await chancery.read(async (transaction) => ({
      usage: await transaction.keys.usage(defaultTenant),
      evidence: await transaction.evidence.list(defaultTenant, { subject: keyId, limit: 9 }),
    }));
    expect(usage.filter((one) => one.keyId === keyId)).toMatchObject([
      { node: 'ocsp-1', signatures: 7 },
    ]);
    expect(evidence).toMatchObject([{ kind: 'key.destruction', document: { objects: 2 } }]);
    // SP 800-57 Part 1 §7.6: its public half verifies, its private half never comes back.
    expect(await refusal(enrol(key))).toBe('badPublicKey');
  });

  test("is never an issuer's key, whatever a responder claims", async () => {
    const { keyId } = chancery.issuing;
    const destroyed = [{ keyId, objects: 2, reason: 'mine' }];
    const work = authority.reportResponderKeys(responder, { keys: [], destroyed });
    expect(await refusal(work)).toBe('forbidden');
  });
});

describe("a responder's token (SP 800-57 Part 1 §9.2.1)", () => {
  const owner = principal('responder', 'ocsp-7');
  const subject = 'responder/ocsp-7';
  const reason = 'a test asks for it';
  const objectsOf = ({ keyId, subjectPublicKeyInfo }: KeyRecord) => [
    {
      ...{ class: 'privateKey' as const, label: 'ocsp', keyId, attributes: told.attributes },
    },
    { class: 'publicKey' as const, label: 'ocsp', keyId, subjectPublicKeyInfo },
  ];
  /** Later than what is certified meanwhile, and than the last result. */
  const tell = async (objects: readonly TokenObject[], expected: readonly string[] = []) => {
    chancery.clock.advance(130);
    await authority.reportResponderKeys(owner, {
      ...{ keys: [], destroyed: [], inToken: { identity: told.token, objects, expected } },
    });
  };
  const kept = async () =>
    chancery.read(async (transaction) =>
      transaction.evidence.list(defaultTenant, {
        ...{ kind: 'key.reconciliation', subject, limit: 100 },
      }),
    );
  const findings = async () => {
    const [last] = await kept();
    const found = last?.document['findings'] as { kind: string; keyId: string }[] | undefined;
    return found?.map(({ kind, keyId }) => `${kind} ${keyId}`);
  };

  test('is compared by what it tells: once an hour, and at once when something is found', async () => {
    const key = freshKey();
    await enrol(key, owner);
    const record = await recorded(key);
    const own = objectsOf(record);
    await tell(own);
    expect(await findings()).toEqual([]);
    await tell(own);
    expect(await kept()).toHaveLength(1);
    chancery.clock.advance(3700);
    await tell(own);
    expect(await kept()).toHaveLength(2);

    // A key that waits for its certificate is in no record, and no stranger.
    const next = { class: 'privateKey' as const, label: 'ocsp', keyId: 'aa01' };
    await tell([...own, next], ['aa01']);
    expect(await kept()).toHaveLength(2);
    // Whoever put it there chose its label.
    await tell([...own, { ...next, label: 'a\u0000\ud800' }]);
    expect(await findings()).toEqual(['unknown aa01']);

    const copied = own.map((object) => ({
      ...object,
      ...('attributes' in object
        ? { attributes: { ...told.attributes, extractable: true } }
        : { subjectPublicKeyInfo: freshKey().subjectPublicKeyInfo.der }),
    }));
    await tell(copied);
    expect(await findings()).toEqual([`changed ${record.keyId}`]);
    await tell([]);
    expect(await findings()).toEqual([`missing ${record.keyId}`]);
    chancery.clock.advance(120);
    await authority.keepKeys().catch(() => undefined);
    expect(
      chancery.log.filter(
        ({ level, fields }) => level === 'alarm' && fields['keyId'] === record.keyId,
      ),
    ).toMatchObject([{ message: expect.stringContaining(`${subject} token: missing`) }]);
  });

  test('that has a key no more lets a person end its record; one that has it destroys it itself', async () => {
    const key = freshKey();
    await enrol(key, owner);
    const record = await recorded(key);
    const destroy = async () => authority.destroyKey(admin, { key: record.keyId, reason });
    await tell(objectsOf(record));
    expect(await refusal(destroy())).toBe('illegalTransition');
    await tell([]);
    await destroy();
    expect(await recorded(key)).toMatchObject({ privateState: 'destroyed' });
    const { evidence } = await authority.showKey(admin, record.keyId);
    expect(evidence).toMatchObject([
      { kind: 'key.destruction', by: 'admin', document: { absent: true, objects: 0, reason } },
    ]);
    // It comes back, from a copy: its own word does not account for it.
    await tell(objectsOf(record), [record.keyId]);
    expect(await findings()).toContain(`unknown ${record.keyId}`);
  });

  test('that says nothing for a day lets a person end the records of its keys', async () => {
    const key = freshKey();
    const silent = principal('responder', 'ocsp-8');
    await enrol(key, silent);
    const { keyId } = await recorded(key);
    expect(await refusal(authority.destroyKey(admin, { key: keyId, reason }))).toBe(
      'illegalTransition',
    );
    chancery.clock.advance(86_500);
    await authority.destroyKey(admin, { key: keyId, reason });
    const { evidence } = await authority.showKey(admin, keyId);
    expect(evidence).toMatchObject([{ kind: 'key.destruction', document: { absent: false } }]);
  });

  test('has a self-test key of its own; another by that label is a stranger', async () => {
    const selfTest = freshKey();
    const spki = selfTest.subjectPublicKeyInfo.der;
    const objects = (keyId: string) => [
      { class: 'privateKey' as const, label: 'self-test', keyId, attributes: told.attributes },
    ];
    const third = principal('responder', 'ocsp-9');
    const identity = { ...told.token, serialNumber: '9' };
    const report = async (keyId: string, more: object = {}): Promise<void> => {
      chancery.clock.advance(130);
      await authority.reportResponderKeys(third, {
        ...{
          keys: [],
          destroyed: [],
          inToken: { identity, objects: objects(keyId), expected: [] },
        },
        ...more,
      });
    };
    const last = async () =>
      chancery.read(async (transaction) =>
        transaction.evidence.list(defaultTenant, { subject: 'responder/ocsp-9', limit: 1 }),
      );
    await report('bb01');
    expect((await last())[0]?.document).toMatchObject({ findings: [] });
    await report('bb01', {
      selfTest: {
        ...{ ...told, label: 'self-test', token: identity },
        ...{ subjectPublicKeyInfo: spki, algorithm: 'ecdsa-with-SHA256' },
      },
    });
    chancery.clock.advance(130);
    await report('bb01');
    expect((await last())[0]?.document['findings']).toMatchObject(
      expect.arrayContaining([expect.objectContaining({ kind: 'unknown', keyId: 'bb01' })]),
    );
  });
});

test('the self-test key of the issuing token is recorded once, and signs nothing but probes', async () => {
  await authority.recordSelfTestKeys();
  await authority.recordSelfTestKeys();
  const own = (await keysOf('selfTest')).filter(({ tokenRole }) => tokenRole === 'issuing');
  expect(own).toMatchObject([
    { purposes: ['selfTest'], tokenRole: 'issuing', privateState: 'active', version: 1 },
  ]);
  await authority.refreshKeys();
  await chancery.tokens.issuing.selfTest();
});

test("the HTTPS server's key is a software key, a version each renewal; the one before is destroyed with its file", async () => {
  const request = (): Uint8Array => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return softwareCertificationRequest(privateKey, { dns: ['localhost'], ip: [] });
  };
  for (let renewal = 0; renewal < 3; renewal += 1) {
    const [certificate] = await authority.issueServerCertificate(request());
    if (certificate === undefined) throw new Error('no certificate');
    await authority.serverCertificateInstalled(certificate);
  }
  expect(
    [...(await keysOf('httpsServer'))]
      .sort((a, b) => a.version - b.version)
      .map(({ version, privateState, publicState, tokenRole, token }) => [
        ...[version, privateState, publicState, tokenRole, token.hardware],
      ]),
  ).toEqual([
    [1, 'destroyed', 'deactivated', 'software', false],
    [2, 'destroyed', 'deactivated', 'software', false],
    [3, 'active', 'active', 'software', false],
  ]);
  const evidence = await chancery.read(async (transaction) =>
    transaction.evidence.list(defaultTenant, { kind: 'key.destruction', limit: 99 }),
  );
  const replaced = evidence.filter(({ document }) => document['type'] === 'httpsServer');
  expect(replaced.map(({ document }) => document['version']).sort()).toEqual([1, 2]);
});

test('a self-test key that is destroyed, and its successor, keep no other key from being told', async () => {
  const reason = 'a test asks for it';
  const own = (await keysOf('selfTest')).find(({ tokenRole }) => tokenRole === 'issuing');
  const key = own?.keyId ?? '';
  const { issuing } = chancery.tokens;
  await authority.refreshKeys();
  await authority.markKeyCompromised(admin, { key, reason });
  await authority.destroyKey(admin, { key, reason });
  await authority.refreshKeys();
  await issuing.createSelfTestKey();
  await authority.recordSelfTestKeys();
  await authority.refreshKeys();
  await issuing.selfTest();
  expect(
    (await keysOf('selfTest')).filter(({ tokenRole }) => tokenRole === 'issuing'),
  ).toMatchObject(
    expect.arrayContaining([
      expect.objectContaining({ version: 1, privateState: 'destroyed' }),
      expect.objectContaining({ version: 2, privateState: 'active' }),
    ]),
  );
});
