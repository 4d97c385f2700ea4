import { describe, expect, test } from 'vitest';
import { verifyInventory } from '../../../src/authority/index.ts';
import { ChanceryError, defaultTenant } from '../../../src/domain/index.ts';
import { admin, principal, refusal, testAuthority } from '../../support/authority.ts';

const chancery = await testAuthority('key_tokens');
const { authority, tokens, clock, storage } = chancery;
const reason = 'a test asks for it';

/** An active notice key with a second version beside it: its first may be destroyed. */
async function notices(record: string): Promise<string> {
  const made: string[] = [];
  for (let version = 1; version <= 2; version += 1) {
    const { key } = await authority.generateKey(admin, {
      ...{ type: 'notice', keyAlgorithm: 'p256', record, reason },
    });
    await authority.distributeKey(admin, { key: key.keyId, reason, location: 'the board' });
    await authority.activateKey(admin, { key: key.keyId, reason });
    made.push(key.keyId);
  }
  return made[0] ?? '';
}

async function findings() {
  const [result] = await authority.reconcileKeys(admin, ['issuing']);
  return (result?.findings ?? []).map(({ kind, keyId }) => `${kind} ${keyId}`);
}

async function disagreements(): Promise<readonly string[]> {
  const report = await verifyInventory({
    source: storage.verification,
    unitOfWork: storage.unitOfWork,
    publisher: chancery.dependencies.publisher,
    tenant: defaultTenant,
    now: clock.now(),
    settleAfterSeconds: 20,
    progress: () => undefined,
  });
  return report.findings.map(({ object, problem }) => `${object}: ${problem}`);
}

describe('reconciliation with the tokens (SP 800-57 Part 1 §9.2.1)', () => {
  test('finds nothing in a sound token; missing, unknown and changed objects raise an alarm once', async () => {
    const key = await notices('reconciled');
    const second = await notices('altered');
    expect(await findings()).toEqual([]);
    const stray = await tokens.issuing.generateKeyPair({
      ...{ keyAlgorithm: 'p256', signatureAlgorithm: 'ecdsa-with-SHA256' },
      ...{ purposes: ['notice'], label: 'stray' },
    });
    await tokens.issuing.destroyKeyPair(key);
    await chancery.sql(
      `UPDATE keys SET attributes = jsonb_set(attributes, '{extractable}', 'true') WHERE key_id = $1`,
      [second],
    );
    const found = await findings();
    expect(new Set(found)).toEqual(
      new Set([`missing ${key}`, `changed ${second}`, `unknown ${stray.keyId}`]),
    );
    clock.advance(120);
    await authority.keepKeys().catch(() => undefined);
    clock.advance(120);
    await authority.keepKeys().catch(() => undefined);
    for (const keyId of [key, second, stray.keyId]) {
      const alarms = chancery.log.filter(
        ({ level, fields }) => level === 'alarm' && fields['keyId'] === keyId,
      );
      expect(alarms, keyId).toHaveLength(1);
    }
    const evidence = await chancery.read(async (transaction) =>
      transaction.evidence.list(defaultTenant, { kind: 'key.reconciliation', limit: 10 }),
    );
    expect(evidence).toHaveLength(2);
    await tokens.issuing.destroyKeyPair(stray.keyId);
    await chancery.sql(
      `UPDATE keys SET attributes = jsonb_set(attributes, '{extractable}', 'false') WHERE key_id = $1`,
      [second],
    );
    expect(await findings()).toEqual([`missing ${key}`]);
    // The record is settled by a destruction: what it looks for is gone already.
    await authority.destroyKey(admin, { key, reason });
    expect(await findings()).toEqual([]);
  });

  test('comes by the schedule, hourly, without the root’s token', async () => {
    const before = async (subject: string) =>
      (
        await chancery.read(async (transaction) =>
          transaction.evidence.list(defaultTenant, {
            ...{ kind: 'key.reconciliation', subject, limit: 100 },
          }),
        )
      ).length;
    const count = await before('issuing');
    clock.advance(3700);
    await authority.tick();
    expect(await before('issuing')).toBe(count + 1);
    clock.advance(600);
    await authority.tick();
    expect(await before('issuing')).toBe(count + 1);
    expect(await before('root')).toBe(0);
    await authority.drain();
  });
});

describe('a destruction that is cut off', () => {
  for (const step of ['key.destroy.1-after-intent', 'key.destroy.2-after-token'] as const) {
    test(`at ${step} is finished by the next turn, on record with who asked for it`, async () => {
      const key = await notices(`cut-${step.at(-5) ?? ''}`);
      chancery.at[step] = () => {
        throw new Error('killed here');
      };
      await expect(authority.destroyKey(admin, { key, reason })).rejects.toThrow('killed here');
      delete chancery.at[step];
      expect((await authority.showKey(admin, key)).record.privateState).toBe('active');
      // From the intent on, on each node: its signer process is told anew at its start.
      await authority.refreshKeys().catch(() => undefined);
      const signing = tokens.issuing.sign({
        ...{ keyId: key, purpose: 'notice', algorithm: 'ecdsa-with-SHA256' },
        ...{ bytes: Buffer.from('x'), deadline: 5000 },
      });
      expect(await refusal(signing)).toMatch(/keyBlocked|purposeRefused/);
      clock.advance(120);
      await authority.tick();
      await authority.drain();
      const { record, evidence, transitions } = await authority.showKey(admin, key);
      expect(record).toMatchObject({ privateState: 'destroyed', publicState: 'deactivated' });
      expect(evidence[0]).toMatchObject({
        kind: 'key.destruction',
        document: { absent: true, askedBy: 'admin', reason },
      });
      expect(transitions.at(-1)?.reason).toBe(reason);
      expect(await tokens.issuing.keyIds()).not.toContain(key);
    });
  }
});

describe('who could use a key, and who could have seen it (SP 800-57 Part 1 §9.3)', () => {
  test('custodians and principals, at the time that is asked for', async () => {
    const person = 'Anna Example';
    const start = clock.now();
    clock.advance(60);
    const custodian = await authority.appointCustodian(admin, {
      ...{ token: 'issuing', person, duty: 'holdsPin' },
    });
    clock.advance(60);
    const between = clock.now();
    clock.advance(60);
    await authority.endCustodian(admin, { id: custodian.id, reason });
    expect(await refusal(authority.endCustodian(admin, { id: custodian.id, reason }))).toBe(
      'illegalTransition',
    );
    const at = async (time: Date) => (await authority.showKeyAccess(admin, 'issuing', time)).access;
    expect((await at(start)).custodians).toEqual([]);
    const then = await at(between);
    expect(then.custodians).toMatchObject([{ person, duty: 'holdsPin' }]);
    // SoftHSM: whoever knows the PIN and reads the files can copy the key, whatever its attributes say.
    expect(then.inTheClear).toMatchObject({ possible: true, persons: [`${person} (holdsPin)`] });
    expect(then.inTheClear.reason).toContain('software, not validated');
    const now = await at(clock.now());
    expect(now.custodians).toEqual([]);
    // What was copied then is copied still.
    expect(now.inTheClear.persons).toEqual([
      expect.stringMatching(/^Anna Example \(holdsPin, until 20.*Z\)$/),
    ]);
    expect((await at(start)).inTheClear.persons).toEqual([]);
    expect(await at(new Date('2020-01-01T00:00:00Z'))).toMatchObject({
      ...{ usable: false, inTheClear: { possible: false, reason: 'it was not made yet' } },
    });
  });

  test('only those may ask who may read keys', async () => {
    expect(await refusal(authority.showKeyAccess(principal('subscriber'), 'issuing'))).toBe(
      'forbidden',
    );
    await authority.showKeyAccess(principal('auditor'), 'issuing');
  });
});

describe('signatures', () => {
  test('are counted on record, and a limit is never passed', async () => {
    const issuer = await authority.createIssuer(admin, {
      ...{ name: 'limited', kind: 'subordinate', keyAlgorithm: 'p256', parent: 'root' },
    });
    const { keyId } = issuer;
    const limit = 24;
    await storage.unitOfWork.run(async ({ keys }) =>
      keys.setCryptoperiod(defaultTenant, keyId, {}, limit),
    );
    await authority.refreshKeys().catch(() => undefined);
    let issued = 0;
    let refused: string | undefined;
    for (let attempt = 0; attempt < 2 * limit && refused === undefined; attempt += 1) {
      try {
        await chancery.issue({ issuer: 'limited' });
        issued += 1;
      } catch (error) {
        refused = String(error);
      }
      clock.advance(6);
      await authority.keepKeys().catch(() => undefined);
    }
    expect(refused).toMatch(/limit|signatures/);
    expect(issued).toBeGreaterThan(limit / 2);
    expect(issued).toBeLessThan(limit);
    const { signatures, usage } = await authority.showKey(admin, keyId);
    expect(signatures).toBeGreaterThanOrEqual(issued);
    expect(usage.reduce((sum, { allotted }) => sum + allotted, 0)).toBeLessThanOrEqual(limit);
  });
});

test('a root token that fails keeps the issuing one’s signatures neither from being counted nor told', async () => {
  const away = async () =>
    Promise.reject(new ChanceryError('tokenUnavailable', { message: 'the root token is away' }));
  Object.assign(tokens.root, { usage: away, bind: away });
  try {
    const { keyId } = chancery.issuing;
    const counted = async () => (await authority.showKey(admin, keyId)).signatures;
    const before = await counted();
    await chancery.sql('UPDATE keys SET scope = scope');
    await chancery.issue();
    clock.advance(6);
    expect(await refusal(authority.keepKeys())).toBe('tokenUnavailable');
    expect(await counted()).toBeGreaterThan(before);
  } finally {
    Reflect.deleteProperty(tokens.root, 'usage');
    Reflect.deleteProperty(tokens.root, 'bind');
  }
});

test('what a look at all keys read before a suspension does not undo it', async () => {
  const key = await notices('overtaken');
  const bind = tokens.root.bind.bind(tokens.root);
  let reached = (): void => undefined;
  let open = (): void => undefined;
  const waiting = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  Object.assign(tokens.root, {
    bind: async (keys: Parameters<typeof bind>[0]) => {
      reached();
      await gate;
      await bind(keys);
    },
  });
  try {
    await chancery.sql('UPDATE keys SET scope = scope');
    const refreshed = authority.refreshKeys();
    await waiting;
    await authority.suspendKey(admin, { key, reason });
    open();
    await refreshed;
    const signing = tokens.issuing.sign({
      ...{ keyId: key, purpose: 'notice', algorithm: 'ecdsa-with-SHA256' },
      ...{ bytes: Buffer.from('x'), deadline: 5000 },
    });
    expect(await refusal(signing)).toMatch(/keyBlocked|purposeRefused/);
  } finally {
    open();
    Reflect.deleteProperty(tokens.root, 'bind');
  }
});

test('`database verify` compares states, steps, audit records and issuers', async () => {
  expect((await disagreements()).filter((line) => line.startsWith('key '))).toEqual([]);
  const { keyId } = chancery.issuing;
  await chancery.sql(`UPDATE keys SET private_state = 'destroyed' WHERE key_id = $1`, [keyId]);
  const found = (await disagreements()).join('\n');
  expect(found).toContain('its private half is destroyed; its steps lead to active');
  expect(found).toContain('there is no evidence of it');
  expect(found).toContain('issuer issuing is issuing, but its key is destroyed');
  await chancery.sql(`UPDATE keys SET private_state = 'active' WHERE key_id = $1`, [keyId]);
  await chancery.sql(`DELETE FROM audit WHERE object = $1 AND act = 'key.activate'`, [keyId]);
  expect((await disagreements()).join('\n')).toContain('the audit log tells of 0');
});
