/**
 * The life of keys as a model: random acts on a few keys, over the pure machine and over the real use
 * cases. Whatever is asked for, only the transitions of SP 800-57 Part 1 §7 happen, what may be signed
 * is what the state allows, and history, audit log and database agree.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { verifyInventory } from '../../src/authority/index.ts';
import {
  defaultTenant,
  isChanceryError,
  type KeyAct,
  type KeyHalves,
  type KeyState,
  keyActs,
  keyStates,
  nextKeyStates,
  possibleKeyActs,
} from '../../src/domain/index.ts';
import { admin, testAuthority } from '../support/authority.ts';

const isWhole = process.env['CHANCERY_TEST_ALL'] === '1';

/** Written from figure 3 and the text of §7, not from the code: where each half may go. */
const allowed: Readonly<Record<KeyState, readonly KeyState[]>> = {
  'pre-activation': ['active', 'compromised', 'destroyed'],
  active: ['suspended', 'deactivated', 'compromised', 'destroyed'],
  suspended: ['active', 'deactivated', 'compromised', 'destroyed'],
  deactivated: ['compromised', 'destroyed'],
  compromised: ['destroyed'],
  destroyed: [],
};

/** §7.4: where an act leads the halves of a signature key; undefined: it is refused. */
function expected(halves: KeyHalves, act: KeyAct): KeyHalves | undefined {
  const { private: hidden, public: open } = halves;
  switch (act) {
    case 'activate':
      return hidden === 'pre-activation' ? { private: 'active', public: 'active' } : undefined;
    case 'suspend':
      return hidden === 'active' ? { private: 'suspended', public: 'suspended' } : undefined;
    case 'resume':
      return hidden === 'suspended' ? { private: 'active', public: 'active' } : undefined;
    case 'deactivate':
      return undefined;
    case 'compromised': {
      const reach = (state: KeyState): KeyState =>
        allowed[state].includes('compromised') ? 'compromised' : state;
      const after = { private: reach(hidden), public: reach(open) };
      return after.private === hidden && after.public === open ? undefined : after;
    }
    case 'destroy': {
      if (hidden === 'destroyed') return undefined;
      const inUse = hidden === 'active' || hidden === 'suspended';
      return {
        private: 'destroyed',
        public: hidden === 'pre-activation' ? 'destroyed' : inUse ? 'deactivated' : open,
      };
    }
    default:
      return act satisfies never;
  }
}

test('the machine makes no step that SP 800-57 does not have, from any state that can be reached', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...keyActs), { maxLength: 30 }), (acts) => {
      let halves: KeyHalves = { private: 'pre-activation', public: 'pre-activation' };
      for (const act of acts) {
        const wanted = expected(halves, act);
        let after: KeyHalves | undefined;
        try {
          const next = nextKeyStates(halves, act);
          for (const { from, to } of next.steps) {
            expect(allowed[from ?? 'destroyed']).toContain(to);
          }
          after = next.halves;
        } catch (error) {
          expect(isChanceryError(error) && error.code).toBe('illegalTransition');
        }
        expect(after).toEqual(wanted);
        expect(possibleKeyActs(halves).includes(act)).toBe(wanted !== undefined);
        halves = after ?? halves;
      }
    }),
    { numRuns: isWhole ? 20_000 : 1000 },
  );
});

test('a key that protects others is deactivated, and nothing else differs from the clause', () => {
  for (const hidden of keyStates) {
    for (const act of keyActs) {
      const halves = { private: hidden, public: hidden };
      let to: KeyState | undefined;
      try {
        to = nextKeyStates(halves, act, 'protection').halves.private;
      } catch {
        to = undefined;
      }
      if (to !== undefined) expect(allowed[hidden]).toContain(to);
      expect(to === 'deactivated').toBe(
        act === 'deactivate' && (hidden === 'active' || hidden === 'suspended'),
      );
    }
  }
});

const chancery = await testAuthority('key_states');
const { authority, clock, storage, tokens } = chancery;
const reason = 'the model asks for it';

/** What the model knows of a key. */
interface Modelled {
  readonly keyId: string;
  halves: KeyHalves;
  steps: number;
}

type World = { readonly keys: readonly Modelled[] };

const perform: Readonly<Record<KeyAct, (key: string) => Promise<unknown>>> = {
  activate: async (key) => authority.activateKey(admin, { key, reason }),
  suspend: async (key) => authority.suspendKey(admin, { key, reason }),
  resume: async (key) => authority.resumeKey(admin, { key, reason }),
  deactivate: async (key) => authority.deactivateKey(admin, { key, reason }),
  compromised: async (key) => authority.markKeyCompromised(admin, { key, reason }),
  destroy: async (key) => authority.destroyKey(admin, { key, reason }),
};

/** The signer process, asked directly: it signs when and only when the state allows it. */
async function signs(keyId: string): Promise<boolean> {
  try {
    await chancery.dependencies.signer.sign({
      ...{ keyId, purpose: 'notice', algorithm: 'ecdsa-with-SHA256', deadline: 5000 },
      bytes: Buffer.from('{"chancery":"notice"}'),
    });
    return true;
  } catch (error) {
    expect(isChanceryError(error)).toBe(true);
    return false;
  }
}

class ActCommand implements fc.AsyncCommand<World, World> {
  readonly #of: number;
  readonly #act: KeyAct;
  constructor(of: number, act: KeyAct) {
    this.#of = of;
    this.#act = act;
  }
  check = (): boolean => true;
  toString = (): string => `${this.#act} ${this.#of}`;
  async run({ keys }: World): Promise<void> {
    const key = keys[this.#of % keys.length];
    if (key === undefined) return;
    clock.advance(1);
    const others = keys.filter((one) => one !== key && one.halves.private === 'active');
    const wanted = expected(key.halves, this.#act);
    // The last active version is in use: it is not destroyed.
    const inUse = this.#act === 'destroy' && key.halves.private === 'active' && others.length === 0;
    let done = true;
    try {
      await perform[this.#act](key.keyId);
    } catch (error) {
      expect(isChanceryError(error) && error.code, this.toString()).toBe('illegalTransition');
      done = false;
    }
    expect(done, this.toString()).toBe(wanted !== undefined && !inUse);
    if (done && wanted !== undefined) {
      if (wanted.private !== key.halves.private) key.steps += 1;
      if (wanted.public !== key.halves.public) key.steps += 1;
      key.halves = wanted;
    }
    const { record, transitions } = await authority.showKey(admin, key.keyId);
    expect({ private: record.privateState, public: record.publicState }).toEqual(key.halves);
    expect(transitions).toHaveLength(key.steps);
    expect(await signs(key.keyId)).toBe(key.halves.private === 'active');
    expect((await tokens.issuing.keyIds()).includes(key.keyId)).toBe(
      key.halves.private !== 'destroyed',
    );
  }
}

let made = 0;
/** Three versions of one record, distributed. */
async function world(): Promise<World> {
  made += 1;
  const keys: Modelled[] = [];
  for (let version = 0; version < 3; version += 1) {
    const { key } = await authority.generateKey(admin, {
      ...{ type: 'notice', keyAlgorithm: 'p256', record: `model-${made}`, reason },
    });
    await authority.distributeKey(admin, { key: key.keyId, reason, location: 'the model' });
    keys.push({
      keyId: key.keyId,
      halves: { private: 'pre-activation', public: 'pre-activation' },
      steps: 2,
    });
  }
  return { keys };
}

test('the use cases, the database and the signer follow the model', async () => {
  const act = fc
    .tuple(fc.nat({ max: 2 }), fc.constantFrom(...keyActs))
    .map(([of, what]) => new ActCommand(of, what));
  // Half of the acts begin something, so that histories become long.
  const start = fc
    .tuple(fc.nat({ max: 2 }), fc.constantFrom<KeyAct>('activate', 'suspend', 'resume'))
    .map(([of, what]) => new ActCommand(of, what));
  await fc.assert(
    fc.asyncProperty(
      fc.commands([act, start, start], { maxCommands: isWhole ? 60 : 14 }),
      async (commands) => {
        const fresh = await world();
        await fc.asyncModelRun(() => ({ model: fresh, real: fresh }), commands);
      },
    ),
    { numRuns: isWhole ? 60 : 4, endOnFailure: true },
  );
  const report = await verifyInventory({
    source: storage.verification,
    unitOfWork: storage.unitOfWork,
    publisher: chancery.dependencies.publisher,
    tenant: defaultTenant,
    now: clock.now(),
    settleAfterSeconds: 20,
    progress: () => undefined,
  });
  expect(report.findings).toEqual([]);
}, 600_000);
