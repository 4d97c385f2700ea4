/**
 * Random lives of a CA's key, told to the signer process in any order, legal or not, and every
 * operation tried in each: it signs what SP 800-57 Part 1 §7 lets such a key do, and nothing else.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  isChanceryError,
  type KeyScope,
  type KeyState,
  keyStates,
} from '../../src/domain/index.ts';
import type { SignItem } from '../../src/hsm/messages.ts';
import type { GeneratedKey } from '../../src/keys/ports.ts';
import { openSignerChannel } from '../support/signer-channel.ts';
import { testToken } from '../support/softhsm.ts';
import {
  otherName,
  requestInfo,
  tbsCertificate,
  tbsCertList,
  tbsDelegate,
  tbsSelfSigned,
} from '../support/to-be-signed.ts';

const signer = await openSignerChannel(testToken('lives'));

/** What may be asked of a CA's key, by the standing in which it is granted. */
const operations: Readonly<
  Record<
    string,
    readonly [
      SignItem['purpose'],
      (key: GeneratedKey) => Uint8Array,
      readonly ('new' | 'full' | 'status')[],
    ]
  >
> = {
  'own certificate': ['certificate', tbsSelfSigned, ['new', 'full']],
  request: ['certificationRequest', requestInfo, ['new', 'full']],
  'subscriber certificate': ['certificate', (key) => tbsCertificate(key), ['full']],
  'CA certificate': ['certificate', (key) => tbsDelegate(key, { cA: true }), ['full']],
  delegate: ['certificate', (key) => tbsDelegate(key), ['full', 'status']],
  crl: ['crl', (key) => tbsCertList(key), ['full', 'status']],
  'CRL of another': ['crl', (key) => tbsCertList(key, 0, { issuer: otherName }), []],
  notice: ['notice', () => Buffer.from('text'), []],
};

interface Life {
  readonly state: KeyState;
  readonly scope: KeyScope;
  readonly over: boolean;
}

/** The model: as an auditor would say it. */
function standingOf({ state, scope, over }: Life): 'new' | 'full' | 'status' | undefined {
  if (over) return undefined;
  if (state === 'pre-activation') return scope === 'full' ? 'new' : undefined;
  return state === 'active' ? scope : undefined;
}

function isWidened(from: Life, to: Life): boolean {
  const final = from.state === 'compromised' || from.state === 'destroyed';
  const back = final && to.state !== from.state && to.state !== 'destroyed';
  return back || (from.scope === 'status' && to.scope === 'full');
}

const life = fc.record({
  state: fc.constantFrom(...keyStates),
  // A key that was never activated has no narrowed scope.
  scope: fc.constantFrom<KeyScope>('full', 'full', 'full', 'status'),
  over: fc.oneof(
    { arbitrary: fc.constant(false), weight: 5 },
    { arbitrary: fc.constant(true), weight: 1 },
  ),
});

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    return isChanceryError(error) ? error.code : String(error);
  }
}

test('every operation that the present life forbids is refused, every other is signed', async () => {
  const lives = fc.array(life, { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(lives, async (history) => {
      const key = await signer.make();
      let present: Life = { state: 'pre-activation', scope: 'full', over: false };
      for (const next of history) {
        if (next.state === 'pre-activation' && next.scope === 'status') continue;
        const { over, ...told } = next;
        const originatorUsageEnd = Date.now() + (over ? -1 : 3_600_000);
        const answer = await codeOf(signer.live(key, { ...told, originatorUsageEnd }));
        expect(answer).toBe(isWidened(present, next) ? 'purposeRefused' : 'done');
        if (answer === 'done') present = next;
        const standing = standingOf(present);
        const seen: Record<string, boolean> = {};
        const wanted: Record<string, boolean> = {};
        await Promise.all(
          Object.entries(operations).map(async ([name, [purpose, bytes, granted]]) => {
            const { keyId, algorithm } = key;
            const outcome = await codeOf(
              signer.sign({ keyId, algorithm, purpose, bytes: bytes(key) }),
            );
            seen[name] = outcome === 'done';
            wanted[name] = standing !== undefined && granted.includes(standing);
          }),
        );
        expect(seen).toEqual(wanted);
      }
    }),
    { numRuns: 25 },
  );
});
