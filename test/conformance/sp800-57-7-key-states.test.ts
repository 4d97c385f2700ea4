/**
 * SP 800-57 Part 1 §7: the states, the fifteen transitions, and what a key may do in each state; of the
 * machine, of the database, and of the signer process. Random histories: test/property/key-states.test.ts.
 */
import { describe, expect, test } from 'vitest';
import {
  defaultTenant,
  type KeyState,
  keyStates,
  keyTransitionNumber,
  keyTransitions,
  operationsByState,
} from '../../src/domain/index.ts';
import { admin, refusal, testAuthority } from '../support/authority.ts';

/** As §7.1 to §7.6 number them. */
const clause = [
  ...['1 nothing pre-activation', '2 pre-activation destroyed', '3 pre-activation compromised'],
  ...['4 pre-activation active', '5 active destroyed', '6 active compromised'],
  ...['7 active suspended', '8 active deactivated', '9 suspended destroyed'],
  ...['10 suspended active', '11 suspended compromised', '12 suspended deactivated'],
  ...['13 deactivated destroyed', '14 deactivated compromised', '15 compromised destroyed'],
];

const chancery = await testAuthority('sp800_57_7');
const { authority, tokens, clock } = chancery;
const reason = 'the clause asks for it';

async function notice(record: string): Promise<string> {
  const { key } = await authority.generateKey(admin, {
    ...{ type: 'notice', keyAlgorithm: 'p256', record, reason },
  });
  await authority.distributeKey(admin, { key: key.keyId, reason, location: 'the board' });
  return key.keyId;
}

async function sign(keyId: string): Promise<string> {
  const bytes = Buffer.from('{}');
  const request = { keyId, purpose: 'notice', algorithm: 'ecdsa-with-SHA256' } as const;
  return chancery.dependencies.signer.sign({ ...request, bytes, deadline: 5000 }).then(
    () => 'signed',
    (error: unknown) => String((error as { code?: unknown }).code),
  );
}

describe('the transitions', () => {
  test('are exactly the fifteen', () => {
    expect(
      Object.entries(keyTransitions).map(
        ([number, { from, to }]) => `${number} ${from ?? 'nothing'} ${to}`,
      ),
    ).toEqual(clause);
    for (const from of [undefined, ...keyStates]) {
      for (const to of keyStates) {
        const number = keyTransitionNumber(from, to);
        const line = `${number} ${from ?? 'nothing'} ${to}`;
        expect(number === undefined || clause.includes(line), line).toBe(true);
      }
    }
  });

  test('no other is taken by the database, whoever writes', async () => {
    const keyId = await notice('database');
    for (const to of keyStates.filter((state) => state !== 'pre-activation')) {
      const number = keyTransitionNumber('pre-activation', to);
      const forged = chancery.storage.unitOfWork.run(async ({ keys }) =>
        keys.changeState(
          defaultTenant,
          keyId,
          { private: to, public: to },
          // The right number for the wrong states, or none of the clause's.
          [{ half: 'private', number: number === 15 ? 14 : 15, from: 'pre-activation', to }],
          { act: 'activate', at: clock.now(), by: 'intruder', reason },
        ),
      );
      await expect(forged, to).rejects.toThrow();
    }
    expect((await authority.showKey(admin, keyId)).record.privateState).toBe('pre-activation');
  });

  test('each is dated, attributed, reasoned, with approvals, of both halves, and audited', async () => {
    const keyId = await notice('dated');
    clock.advance(10);
    const approvals = ['CAB-1', 'CAB-2'];
    await authority.activateKey(admin, { key: keyId, reason, approvals });
    const steps = (await authority.keyHistory(admin, keyId)).filter(({ number }) => number === 4);
    expect(steps.map(({ half }) => half)).toEqual(['private', 'public']);
    for (const step of steps) {
      expect(step).toMatchObject({ at: clock.now(), by: 'admin', reason, approvals });
    }
    const [record] = (await chancery.audit('key.activate')).filter(
      ({ object }) => object === keyId,
    );
    expect(record?.details).toMatchObject({ reason, approvals });
  });
});

describe('what a private key does in each state, asked of the signer process itself', () => {
  const reach: Readonly<
    Record<KeyState, readonly ('activate' | 'suspend' | 'compromised' | 'destroy')[]>
  > = {
    'pre-activation': [],
    active: ['activate'],
    suspended: ['activate', 'suspend'],
    // A private signature key is never deactivated (§7.4).
    deactivated: [],
    compromised: ['activate', 'compromised'],
    destroyed: ['activate', 'suspend', 'destroy'],
  };
  const acts = {
    activate: authority.activateKey,
    suspend: authority.suspendKey,
    compromised: authority.markKeyCompromised,
    destroy: authority.destroyKey,
  };
  for (const state of keyStates.filter((one) => one !== 'deactivated')) {
    test(`§7, ${state}: ${operationsByState[state]}`, async () => {
      const key = await notice(`state-${state}`);
      for (const name of reach[state]) await acts[name](admin, { key, reason });
      expect((await authority.showKey(admin, key)).record.privateState).toBe(state);
      const signed = await sign(key);
      if (state === 'active') expect(signed).toBe('signed');
      else expect(signed).toMatch(/purposeRefused|keyBlocked|notFound/);
    });
  }

  test('§7.4: a private signature key goes from active to destroyed; its public half is deactivated', async () => {
    const key = await notice('halves');
    await authority.activateKey(admin, { key, reason });
    expect(await refusal(authority.deactivateKey(admin, { key, reason }))).toBe(
      'illegalTransition',
    );
    await authority.suspendKey(admin, { key, reason });
    await authority.destroyKey(admin, { key, reason });
    const history = await authority.keyHistory(admin, key);
    expect(history.slice(-2).map(({ half, number }) => [half, number])).toEqual([
      ['private', 9],
      ['public', 12],
    ]);
    expect(await tokens.issuing.keyIds()).not.toContain(key);
  });
});
