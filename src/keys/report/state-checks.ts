import { keyTransitions, operationsByState } from '../../domain/index.ts';
import type { KeyFacts, ReportFacts } from './facts.ts';
import {
  activeKeys,
  type Check,
  item,
  type Judgement,
  nameOf,
  newestOf,
  placeOf,
  rfc3339,
  together,
} from './judgement.ts';
import type { Reference } from './references.ts';

/** Clause 7: states and transitions, read from each key's history. */
export const stateChecks: Partial<Record<Reference, Check>> = {
  '7': transitions,
  '7.1': preActivation,
  '7.2': active,
  '7.3': suspended,
  '7.4': deactivated,
  '7.5': compromised,
  '7.6': destroyed,
};

/** What is wrong with a key's history: each half walks the transitions of the clause, dated and in order. */
function historyProblems(key: KeyFacts): readonly string[] {
  const { record } = key;
  return (['private', 'public'] as const).flatMap((half) => {
    const steps = key.transitions.filter((step) => step.half === half);
    let stands: string | undefined;
    let last = 0;
    const problems: string[] = [];
    for (const step of steps) {
      const { from, to } = keyTransitions[step.number] ?? {};
      if (step.from !== stands || step.from !== from || step.to !== to) {
        problems.push(
          `the ${half} half of ${nameOf(key)} went from ${step.from ?? 'nothing'} to ${step.to} as transition ${step.number}, which is none of §7 there`,
        );
      }
      if (step.at.getTime() < last) {
        problems.push(`a step of ${nameOf(key)} is dated before the one it follows`);
      }
      if (step.by === '' || step.reason === '') {
        problems.push(`step ${step.number} of ${nameOf(key)} has no actor or no reason`);
      }
      stands = step.to;
      last = step.at.getTime();
    }
    const present = half === 'private' ? record.privateState : record.publicState;
    if (stands !== present) {
      problems.push(
        `the ${half} half of ${nameOf(key)} is ${present}, its history says ${stands ?? 'nothing'}`,
      );
    }
    return problems;
  });
}

function transitions(facts: ReportFacts): Judgement {
  return {
    shows:
      'every key came to its state by transitions of the clause, each dated, attributed and reasoned',
    evidence: facts.keys.map((key) => {
      const numbers = key.transitions
        .filter(({ half }) => half === 'private')
        .map(({ number }) => number);
      return item(
        'transitions of the private half',
        placeOf(key),
        numbers.join(', '),
        key.record.stateSince,
      );
    }),
    problems: facts.keys.flatMap(historyProblems),
  };
}

/** Keys whose half is in a state now, or was: a state that none ever had can't be judged. */
function inState(facts: ReportFacts, state: string): readonly KeyFacts[] {
  return facts.keys.filter(
    ({ record }) => record.privateState === state || record.publicState === state,
  );
}

function nothingToJudge(facts: ReportFacts, state: keyof typeof operationsByState): Judgement {
  return {
    shows: '',
    evidence: [
      item(
        `keys that are ${state}`,
        'key inventory',
        `0 of ${facts.keys.length}; allowed to such a key: ${operationsByState[state]}`,
        facts.at,
      ),
    ],
    problems: facts.keys.length === 0 ? ['the key inventory is empty'] : [],
    notApplicable: `no key is ${state}, so there is nothing to judge; the signer process allows such a key ${operationsByState[state] === 'nothing' ? 'no signature' : 'proof of possession alone'}`,
  };
}

function preActivation(facts: ReportFacts): Judgement {
  const issuers = facts.issuers.flatMap((issuer) => {
    const key = facts.keys.find(({ record }) => record.keyId === issuer.keyId);
    return key === undefined ? [] : [{ issuer, key }];
  });
  return {
    shows:
      'each key began in pre-activation, and no CA’s key certified another before it was activated',
    evidence: facts.keys.map((key) => {
      const first = key.transitions.find(({ half }) => half === 'private');
      const { activatedAt } = key.record.cryptoperiod;
      return item(
        'generated',
        placeOf(key),
        activatedAt === undefined ? 'not activated' : `activated ${rfc3339(activatedAt)}`,
        first?.at,
      );
    }),
    problems: [
      ...issuers.flatMap(({ issuer, key }) =>
        issuer.signedBeforeActivation === undefined
          ? []
          : [`${nameOf(key)} signed ${issuer.signedBeforeActivation} before it was activated`],
      ),
      ...facts.keys
        .filter(({ transitions: steps }) => steps.every(({ number }) => number !== 1))
        .map((key) => `${nameOf(key)} has no record of its generation (transition 1)`),
    ],
  };
}

function active(facts: ReportFacts): Judgement {
  const keys = activeKeys(facts);
  return {
    shows: 'every active key is within its cryptoperiod and its limit, and none is blocked',
    evidence: keys.map((key) => {
      const { cryptoperiod, signatureLimit } = key.record;
      const end = cryptoperiod.originatorUsageEnd;
      return item(
        'active since',
        placeOf(key),
        `until ${end === undefined ? 'no date' : rfc3339(end)}, ${countOf(facts, key)} of ${signatureLimit ?? 'unlimited'} signatures`,
        cryptoperiod.activatedAt,
      );
    }),
    problems: keys.flatMap((key) => {
      const { cryptoperiod, signatureLimit, blockedReason } = key.record;
      const end = cryptoperiod.originatorUsageEnd;
      return [
        ...(cryptoperiod.activatedAt === undefined
          ? [`${nameOf(key)} is active without a date of activation`]
          : []),
        ...(end === undefined
          ? [`${nameOf(key)} is active without an end of its cryptoperiod`]
          : []),
        ...(end !== undefined && end <= facts.at
          ? [`the cryptoperiod of ${nameOf(key)} ended on ${rfc3339(end)}: rotate it`]
          : []),
        ...(signatureLimit !== undefined && countOf(facts, key) >= signatureLimit
          ? [`${nameOf(key)} has used up its ${signatureLimit} signatures: rotate it`]
          : []),
        ...(blockedReason === undefined
          ? []
          : [`${nameOf(key)} is active and blocked: ${blockedReason}`]),
      ];
    }),
  };
}

function countOf(facts: ReportFacts, { record }: KeyFacts): number {
  return facts.usage
    .filter(({ keyId }) => keyId === record.keyId)
    .reduce((sum, { signatures }) => sum + signatures, 0);
}

/** CRLs of the key's issuer that are dated after the key stopped signing. */
function signedSince(facts: ReportFacts, key: KeyFacts, since: Date): readonly string[] {
  const issuer = facts.issuers.find(({ keyId }) => keyId === key.record.keyId);
  return (issuer?.shards ?? [])
    .filter(({ thisUpdate }) => thisUpdate !== undefined && thisUpdate > since)
    .map(
      ({ shard, thisUpdate }) =>
        `CRL ${shard} of issuer ${issuer?.name ?? key.record.keyId} is of ${rfc3339(thisUpdate ?? since)}, after its key became ${key.record.privateState}`,
    );
}

function suspended(facts: ReportFacts): Judgement {
  const keys = inState(facts, 'suspended');
  if (keys.length === 0) return nothingToJudge(facts, 'suspended');
  return {
    shows: 'suspended keys signed nothing since, and their certificates are on hold',
    evidence: keys.map((key) =>
      item('suspended', placeOf(key), standingOf(key), key.record.stateSince),
    ),
    problems: keys.flatMap((key) => [
      ...(key.record.privateState === key.record.publicState
        ? []
        : [`only one half of ${nameOf(key)} is suspended`]),
      ...signedSince(facts, key, key.record.stateSince),
      ...notStopped(key, 'on hold'),
    ]),
  };
}

function standingOf(key: KeyFacts): string {
  return key.certificates.map(({ reference, status }) => `${reference} ${status}`).join(', ');
}

/** Certificates of the key that still count as good. A root has none above it that could say otherwise. */
function notStopped(key: KeyFacts, wanted: string): readonly string[] {
  return key.record.tokenRole === 'root'
    ? []
    : key.certificates
        .filter(({ status }) => status === 'good')
        .map(
          ({ reference }) => `certificate ${reference} of ${nameOf(key)} is good and not ${wanted}`,
        );
}

function deactivated(facts: ReportFacts): Judgement {
  const keys = inState(facts, 'deactivated');
  if (keys.length === 0) return nothingToJudge(facts, 'deactivated');
  return {
    shows:
      'no private signature key is deactivated; the public halves that are have lost their private ones',
    evidence: keys.map((key) =>
      item(
        'public half deactivated',
        placeOf(key),
        `private half ${key.record.privateState}`,
        key.record.stateSince,
      ),
    ),
    problems: keys
      .filter(
        ({ record }) =>
          record.type !== 'wrapping' &&
          (record.privateState === 'deactivated' ||
            !['destroyed', 'compromised'].includes(record.privateState)),
      )
      .map(
        (key) =>
          `the private half of ${nameOf(key)} is ${key.record.privateState} while its public half is ${key.record.publicState}`,
      ),
  };
}

function compromised(facts: ReportFacts): Judgement {
  const keys = inState(facts, 'compromised');
  if (keys.length === 0) return nothingToJudge(facts, 'compromised');
  return {
    shows: 'compromised keys signed nothing since, and their certificates are revoked',
    evidence: keys.map((key) =>
      item('compromised', placeOf(key), standingOf(key), key.record.stateSince),
    ),
    problems: keys.flatMap((key) => {
      const at = key.transitions.find(({ to }) => to === 'compromised')?.at;
      return [
        ...signedSince(facts, key, at ?? key.record.stateSince),
        ...(key.record.tokenRole === 'root'
          ? []
          : key.certificates
              .filter(({ status, notAfter }) => status !== 'revoked' && notAfter > facts.at)
              .map(
                ({ reference }) =>
                  `certificate ${reference} of ${nameOf(key)} is not revoked: \`chancery compromise key ${key.record.keyId}\``,
              )),
      ];
    }),
  };
}

/** Records of the destruction of each private half that is gone. */
export function destructions(facts: ReportFacts): Pick<Judgement, 'evidence' | 'problems'> {
  const keys = facts.keys.filter(({ record }) => record.privateState === 'destroyed');
  return {
    evidence: keys.flatMap((key) => {
      const record = newestOf(facts, 'key.destruction', key.record.keyId);
      return record === undefined
        ? []
        : [
            item(
              `destruction of ${nameOf(key)}`,
              `evidence ${record.id}`,
              `by ${record.by}`,
              record.at,
            ),
          ];
    }),
    problems: keys
      .filter(
        ({ record }) =>
          record.tokenRole !== 'software' &&
          newestOf(facts, 'key.destruction', record.keyId) === undefined,
      )
      .map(
        (key) => `there is no record that the private half of ${nameOf(key)} was seen to be gone`,
      ),
  };
}

function destroyed(facts: ReportFacts): Judgement {
  const keys = facts.keys.filter(({ record }) => record.privateState === 'destroyed');
  if (keys.length === 0) return nothingToJudge(facts, 'destroyed');
  return together('each destroyed private half was seen to be gone, and its metadata are kept', [
    destructions(facts),
    {
      evidence: keys.map((key) =>
        item(
          'metadata kept',
          placeOf(key),
          `${key.transitions.length} steps`,
          key.record.stateSince,
        ),
      ),
      problems: [],
    },
  ]);
}
