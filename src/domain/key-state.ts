import { ChanceryError } from './errors.ts';

/** The states of SP 800-57 Part 1 §7, of each half of a pair. */
export const keyStates = [
  'pre-activation',
  'active',
  'suspended',
  'deactivated',
  'compromised',
  'destroyed',
] as const;
export type KeyState = (typeof keyStates)[number];

/** A private key and its public key have states of their own: §7.4 lets them part. */
export type KeyHalf = 'private' | 'public';

/**
 * What keys of a kind are for: `signature` keys sign objects; `protection` keys (wrapping keys) protect
 * others, and undo their protection after they are deactivated.
 */
export type KeyUsage = 'signature' | 'protection';

/** The transitions of SP 800-57 Part 1 §7, by their numbers there; no other exists. */
export const keyTransitions = {
  1: { from: undefined, to: 'pre-activation' },
  2: { from: 'pre-activation', to: 'destroyed' },
  3: { from: 'pre-activation', to: 'compromised' },
  4: { from: 'pre-activation', to: 'active' },
  5: { from: 'active', to: 'destroyed' },
  6: { from: 'active', to: 'compromised' },
  7: { from: 'active', to: 'suspended' },
  8: { from: 'active', to: 'deactivated' },
  9: { from: 'suspended', to: 'destroyed' },
  10: { from: 'suspended', to: 'active' },
  11: { from: 'suspended', to: 'compromised' },
  12: { from: 'suspended', to: 'deactivated' },
  13: { from: 'deactivated', to: 'destroyed' },
  14: { from: 'deactivated', to: 'compromised' },
  15: { from: 'compromised', to: 'destroyed' },
} as const satisfies Readonly<
  Record<number, { readonly from: KeyState | undefined; readonly to: KeyState }>
>;
export type KeyTransitionNumber = keyof typeof keyTransitions;

/** What a person or the system does to a pair. */
export const keyActs = [
  'activate',
  'suspend',
  'resume',
  'deactivate',
  'compromised',
  'destroy',
] as const;
export type KeyAct = (typeof keyActs)[number];

type Steps = Readonly<Partial<Record<KeyState, KeyState>>>;

/** Where an act leads each half; a state that is absent stays, when the other half moves. */
interface ActSteps {
  readonly private: Steps;
  readonly public: Steps;
}

const both = (steps: Steps): ActSteps => ({ private: steps, public: steps });

const compromise = both({
  'pre-activation': 'compromised',
  active: 'compromised',
  suspended: 'compromised',
  deactivated: 'compromised',
});

const inUse: Readonly<Record<'activate' | 'suspend' | 'resume' | 'compromised', ActSteps>> = {
  activate: both({ 'pre-activation': 'active' }),
  suspend: both({ active: 'suspended' }),
  resume: both({ suspended: 'active' }),
  compromised: compromise,
};

/**
 * The acts as data. A private signature key is never deactivated (§7.4): it goes from active or
 * suspended straight to destroyed, and its public half, with which signatures are still verified, is
 * deactivated then.
 */
const keyActSteps: Readonly<Record<KeyUsage, Readonly<Partial<Record<KeyAct, ActSteps>>>>> = {
  signature: {
    ...inUse,
    destroy: {
      private: {
        'pre-activation': 'destroyed',
        active: 'destroyed',
        suspended: 'destroyed',
        deactivated: 'destroyed',
        compromised: 'destroyed',
      },
      public: {
        'pre-activation': 'destroyed',
        active: 'deactivated',
        suspended: 'deactivated',
      },
    },
  },
  protection: {
    ...inUse,
    deactivate: both({ active: 'deactivated', suspended: 'deactivated' }),
    destroy: both({
      'pre-activation': 'destroyed',
      active: 'destroyed',
      suspended: 'destroyed',
      deactivated: 'destroyed',
      compromised: 'destroyed',
    }),
  },
};

/** The states of both halves. */
export interface KeyHalves {
  readonly private: KeyState;
  readonly public: KeyState;
}

/** One half's step, with its number in SP 800-57. */
export interface KeyStep {
  readonly half: KeyHalf;
  readonly number: KeyTransitionNumber;
  readonly from: KeyState | undefined;
  readonly to: KeyState;
}

/** A new pair: generated, not yet authorised (transition 1). */
export const firstKeySteps: readonly KeyStep[] = [
  { half: 'private', number: 1, from: undefined, to: 'pre-activation' },
  { half: 'public', number: 1, from: undefined, to: 'pre-activation' },
];

/** The number of the transition; undefined when SP 800-57 has none between the two states. */
export function keyTransitionNumber(
  from: KeyState | undefined,
  to: KeyState,
): KeyTransitionNumber | undefined {
  for (const [number, transition] of Object.entries(keyTransitions)) {
    if (transition.from === from && transition.to === to) {
      return Number(number) as KeyTransitionNumber;
    }
  }
  return undefined;
}

/**
 * The states after an act, and the steps that lead there (pure).
 *
 * @throws ChanceryError `illegalTransition`, naming the states and what is possible instead.
 */
export function nextKeyStates(
  halves: KeyHalves,
  act: KeyAct,
  usage: KeyUsage = 'signature',
): { readonly halves: KeyHalves; readonly steps: readonly KeyStep[] } {
  const table = keyActSteps[usage][act];
  const steps = (['private', 'public'] as const).flatMap((half): KeyStep[] => {
    const from = halves[half];
    const to = table?.[half][from];
    const number = to === undefined ? undefined : keyTransitionNumber(from, to);
    return to === undefined || number === undefined ? [] : [{ half, number, from, to }];
  });
  // What acts on the private half needs it to move; a compromise may be found out after it is gone.
  const moves =
    steps.some(({ half }) => half === 'private') || (act === 'compromised' && steps.length > 0);
  if (!moves) {
    const hint =
      act === 'deactivate' && usage === 'signature'
        ? 'a private signature key is not deactivated: suspend it, or destroy it, which deactivates its public half'
        : `possible now: ${possibleKeyActs(halves, usage).join(', ') || 'nothing, its life is over'}`;
    throw new ChanceryError('illegalTransition', {
      message: `${act} is refused: the key's private half is ${halves.private}, its public half ${halves.public}; ${hint}`,
      clause: 'SP 800-57 Part 1 §7',
    });
  }
  const after = { ...halves };
  for (const { half, to } of steps) after[half] = to;
  return { halves: after, steps };
}

/** The acts that the states allow. */
export function possibleKeyActs(
  halves: KeyHalves,
  usage: KeyUsage = 'signature',
): readonly KeyAct[] {
  return keyActs.filter((act) => {
    const table = keyActSteps[usage][act];
    return (
      table?.private[halves.private] !== undefined ||
      (act === 'compromised' && table?.public[halves.public] !== undefined)
    );
  });
}

/**
 * How far an active key's purposes reach. `full`: all that its record binds. `status`: the issuer
 * retires, so its key signs CRLs and OCSP delegates' certificates alone (§7.4).
 */
export const keyScopes = ['full', 'status'] as const;
export type KeyScope = (typeof keyScopes)[number];

/**
 * What a private key may do in each state, as data (§7.1 to §7.6). `proofOfPossession`: sign a
 * certification request, or a root's own self-signed certificate, by which its public key is
 * distributed before it is activated; nothing that others rely upon.
 */
export const operationsByState: Readonly<
  Record<KeyState, 'proofOfPossession' | 'purposes' | 'nothing'>
> = {
  'pre-activation': 'proofOfPossession',
  active: 'purposes',
  suspended: 'nothing',
  deactivated: 'nothing',
  compromised: 'nothing',
  destroyed: 'nothing',
};
