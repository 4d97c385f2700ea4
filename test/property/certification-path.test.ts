/** Paths as openssl and GnuTLS judge them, and paths that want to cost much (RFC 5280 §6.1, §8). */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  type Certificate,
  encodeNameConstraints,
  encodeSubjectAltName,
  type GeneralName,
  oids,
  type PathInputs,
  parseIpAddress,
  validatePath,
} from '../../src/pkix/index.ts';
import { runCommand, scratchFolder } from '../support/openssl.ts';
import { type PolicyStep, policyPath } from '../support/policy-paths.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const now = new Date('2030-01-01T00:00:00Z');
const policy = (number: number): string => `1.3.6.1.4.1.32473.7.${number}`;

/** openssl's verdict under the same inputs. */
function opensslAccepts(path: readonly Certificate[], inputs: PathInputs): boolean {
  const [leaf, ...above] = path;
  if (leaf === undefined) throw new Error('an empty path');
  const files = {
    leaf: scratch.pem('leaf.pem', [leaf]),
    between: scratch.pem('between.pem', above.slice(0, -1)),
    anchor: scratch.pem('anchor.pem', above.slice(-1)),
  };
  const flags = [
    ...(inputs.initialExplicitPolicy === true ? ['-explicit_policy'] : []),
    ...(inputs.initialPolicyMappingInhibit === true ? ['-inhibit_map'] : []),
    ...(inputs.initialAnyPolicyInhibit === true ? ['-inhibit_any'] : []),
    // Without -policy an explicit policy is never found.
    ...(inputs.initialPolicySet ?? [oids.anyPolicy]).flatMap((one) => ['-policy', one]),
  ];
  return (
    runCommand('openssl', [
      ...['verify', '-policy_check', '-attime', String(now.getTime() / 1000), ...flags],
      ...['-CAfile', files.anchor],
      ...(above.length > 1 ? ['-untrusted', files.between] : []),
      files.leaf,
    ]).status === 0
  );
}

const known = fc.constantFrom(policy(1), policy(2), policy(3));
const skip = fc.option(fc.nat(2), { nil: undefined, freq: 2 });
const step: fc.Arbitrary<PolicyStep> = fc
  .record({
    policies: fc.option(
      fc.uniqueArray(fc.oneof({ weight: 3, arbitrary: known }, fc.constant(oids.anyPolicy)), {
        minLength: 1,
        maxLength: 3,
      }),
      { nil: undefined, freq: 8 },
    ),
    mappings: fc.option(
      fc.uniqueArray(fc.tuple(known, known), {
        minLength: 1,
        maxLength: 3,
        selector: (pair) => pair.join(),
      }),
      { nil: undefined },
    ),
    requireExplicitPolicy: skip,
    inhibitPolicyMapping: skip,
    inhibitAnyPolicy: fc.option(fc.nat(2), { nil: undefined, freq: 1 }),
    selfIssued: fc.boolean(),
  })
  .map(({ requireExplicitPolicy, inhibitPolicyMapping, ...rest }) => ({
    ...rest,
    ...(requireExplicitPolicy === undefined && inhibitPolicyMapping === undefined
      ? {}
      : { constraints: { requireExplicitPolicy, inhibitPolicyMapping } }),
  }));
const inputs: fc.Arbitrary<PathInputs> = fc.record({
  now: fc.constant(now),
  initialExplicitPolicy: fc.boolean(),
  initialPolicyMappingInhibit: fc.boolean(),
  initialAnyPolicyInhibit: fc.boolean(),
  initialPolicySet: fc.option(fc.uniqueArray(known, { minLength: 1, maxLength: 2 }), {
    nil: undefined,
  }),
});

/** Without what the ledger below holds; the first step is another CA, or the anchor would have two keys. */
function inMatrix(steps: readonly PolicyStep[]): readonly PolicyStep[] {
  return steps.map((one, index) => {
    const { policies = [], mappings = [] } = one;
    const isLast = index === steps.length - 1;
    const mapped = mappings.filter(
      ([from]) => !isLast && (policies.includes(from) || !policies.includes(oids.anyPolicy)),
    );
    return {
      ...one,
      selfIssued: index > 0 && !isLast && one.selfIssued === true,
      mappings: mapped.length === 0 ? undefined : mapped,
    };
  });
}

/** Where openssl judges otherwise than RFC 5280 §6.1 says; a row that no longer holds fails. */
const divergences: readonly (readonly [
  string,
  'accepted' | 'refused',
  readonly PolicyStep[],
  PathInputs,
])[] = [
  [
    'a self-issued last certificate does not count towards requireExplicitPolicy, while §6.1.5 (a) counts every last one',
    'refused',
    [{ constraints: { requireExplicitPolicy: 1 } }, { selfIssued: true }],
    { now },
  ],
  [
    'an inhibited mapping in the last certificate deletes its policy, while §6.1.4 prepares for a next one only',
    'accepted',
    [
      { policies: [policy(1)], constraints: { inhibitPolicyMapping: 0 } },
      { policies: [policy(1)], mappings: [[policy(1), policy(1)]] },
    ],
    { now, initialExplicitPolicy: true },
  ],
  [
    'a mapping makes a policy out of anyPolicy even where that is inhibited, while §6.1.4 (b) needs its node',
    'refused',
    [{ policies: [oids.anyPolicy], mappings: [[policy(1), policy(1)]] }, { policies: [policy(1)] }],
    { now, initialExplicitPolicy: true, initialAnyPolicyInhibit: true },
  ],
];

describe('the same verdict as openssl verify -policy_check', () => {
  it('policies, mappings and their constraints, self-issued certificates among them', () => {
    let accepted = 0;
    let refused = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 4 }), inputs, (steps, asked) => {
        const path = policyPath(inMatrix(steps));
        const { violations } = validatePath(path, asked);
        if (violations.length === 0) accepted += 1;
        else refused += 1;
        expect(violations.length === 0, violations.map(({ message }) => message).join('; ')).toBe(
          opensslAccepts(path, asked),
        );
      }),
      { numRuns: 60 },
    );
    // A matrix in which one side never happens would show nothing.
    expect(Math.min(accepted, refused)).toBeGreaterThan(5);
  });
});

describe('known divergences of openssl', () => {
  it.each(divergences)('%s (here %s)', (_why, verdict, steps, asked) => {
    const path = policyPath(steps);
    expect(validatePath(path, asked).violations.length === 0).toBe(verdict === 'accepted');
    expect(opensslAccepts(path, asked)).toBe(verdict === 'refused');
  });
});

describe('hostile paths end with a violation', () => {
  const rules = (path: readonly Certificate[], asked: PathInputs = { now }) => {
    const { violations, spent } = validatePath(path, asked);
    return { rules: new Set(violations.map(({ rule }) => rule)), spent };
  };

  it('a bomb of mappings costs what it is long, and is judged (RFC 9618 §3)', () => {
    // Each of w policies is mapped to each of w: a tree would have w to the tenth leaves.
    const width = 12;
    const policies = Array.from({ length: width }, (_, index) => policy(index + 1));
    const mappings = policies.flatMap((from) => policies.map((to) => [from, to] as const));
    const steps = Array.from({ length: 9 }, () => ({ policies, mappings }));
    const path = policyPath([...steps, { policies }]);
    const {
      violations,
      policies: valid,
      spent,
    } = validatePath(path, { now, initialExplicitPolicy: true });
    expect(violations).toEqual([]);
    expect(valid).toHaveLength(width);
    expect(spent.policyNodes).toBeLessThan(9 * 3 * width * width);
  });

  it('a wider one passes the budget', () => {
    const policies = Array.from({ length: 60 }, (_, index) => policy(index + 1));
    const mappings = policies.flatMap((from) => policies.map((to) => [from, to] as const));
    const steps = Array.from({ length: 5 }, () => ({ policies, mappings }));
    const found = rules(policyPath([...steps, { policies }]));
    expect(found.rules).toContain('path-budget');
    expect(found.spent.policyNodes).toBeLessThan(21_000);
  });

  it('many names under many subtrees, of every form, pass the budget', () => {
    const host = (index: number): GeneralName => ({ type: 'dNSName', value: `h${index}.example` });
    const address = (index: number, mask: readonly number[]): GeneralName => ({
      type: 'iPAddress',
      bytes: Uint8Array.from([...parseIpAddress(`10.0.${index >> 8}.${index & 255}`), ...mask]),
    });
    const subtrees = Array.from({ length: 1500 }, (_, index) => [
      { base: host(index) },
      { base: address(index, [255, 255, 255, 255]) },
    ]).flat();
    const names = Array.from({ length: 1500 }, (_, index) => [
      host(index),
      address(index, []),
    ]).flat();
    const path = policyPath([
      {
        extensions: [encodeNameConstraints({ permittedSubtrees: subtrees, excludedSubtrees: [] })],
      },
      { extensions: [encodeSubjectAltName(names, false)] },
    ]);
    const found = rules(path);
    expect(found.rules).toEqual(new Set(['path-budget']));
    expect(found.spent.comparisons).toBeLessThan(260_000);
  });

  it('too many certificates, and too many octets, are not even looked at', () => {
    const long = policyPath(Array.from({ length: 13 }, () => ({})));
    expect(rules(long).rules).toEqual(new Set(['path-size']));
    const fat = encodeSubjectAltName(
      Array.from({ length: 4000 }, (_, index) => ({
        type: 'dNSName' as const,
        value: `${String(index).padStart(45, 'a')}.example`,
      })),
      false,
    );
    const heavy = policyPath([{ extensions: [fat] }, { extensions: [fat] }, { extensions: [fat] }]);
    expect(rules(heavy).rules).toEqual(new Set(['path-size']));
  });
});
