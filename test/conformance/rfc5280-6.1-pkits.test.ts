/**
 * RFC 5280 §6.1: NIST's own test suite of path validation (PKITS 1.0.1), by the numbers of its
 * sections; what needs CRLs (4.4, 4.14, 4.15 and some of 4.5 and 4.7) is not here.
 */
import { describe, expect, test } from 'vitest';
import { oids } from '../../src/pkix/index.ts';
import { validatePkits } from '../support/pkits.ts';

/** PKITS names its policies by number. */
const nist = (number: number): string => `2.16.840.1.101.3.2.1.48.${number}`;

/**
 * Where we differ from the suite, and why; a row that no longer holds fails. All are refusals of
 * what the suite takes.
 */
const divergences: ReadonlyMap<string, string> = new Map([
  ['4.1.4', 'DSA is no algorithm here'],
  ['4.1.5', 'DSA is no algorithm here'],
  ['4.2.4', 'a GeneralizedTime before 2050 is not read (RFC 5280 §4.1.2.5)'],
  ['4.3.3', 'names compare as bytes: white space counts'],
  ['4.3.4', 'names compare as bytes: white space counts'],
  ['4.3.5', 'names compare as bytes: case counts'],
  ['4.3.10', 'names compare as bytes: the string type counts'],
  ['4.3.11', 'names compare as bytes: case counts'],
]);

const titles: readonly (readonly [section: string, title: string])[] = [
  ['4.1.1', 'ValidCertificatePath Test1'],
  ['4.1.2', 'Invalid CA Signature Test2'],
  ['4.1.3', 'Invalid EE Signature Test3'],
  ['4.1.4', 'Valid DSA Signatures Test4'],
  ['4.1.5', 'Valid DSA Parameter Inheritance Test5'],
  ['4.1.6', 'Invalid DSA Signature Test6'],
  ['4.2.1', 'Invalid CA notBefore Date Test1'],
  ['4.2.2', 'Invalid EE notBefore Date Test2'],
  ['4.2.3', 'Valid pre2000 UTC notBefore Date Test3'],
  ['4.2.4', 'Valid GeneralizedTime notBefore Date Test4'],
  ['4.2.5', 'Invalid CA notAfter Date Test5'],
  ['4.2.6', 'Invalid EE notAfter Date Test6'],
  ['4.2.7', 'Invalid pre2000 UTC EE notAfter Date Test7'],
  ['4.2.8', 'Valid GeneralizedTime notAfter Date Test8'],
  ['4.3.1', 'Invalid Name Chaining Test1'],
  ['4.3.2', 'Invalid Name Chaining Order Test2'],
  ['4.3.3', 'Valid Name Chaining Whitespace Test3'],
  ['4.3.4', 'Valid Name Chaining Whitespace Test4'],
  ['4.3.5', 'Valid Name Chaining Capitalization Test5'],
  ['4.3.6', 'Valid Name UIDs Test6'],
  ['4.3.7', 'Valid RFC3280 Mandatory Attribute Types Test7'],
  ['4.3.8', 'Valid RFC3280 Optional Attribute Types Test8'],
  ['4.3.9', 'Valid UTF8String Encoded Names Test9'],
  ['4.3.10', 'Valid Rollover from PrintableString to UTF8String Test10'],
  ['4.3.11', 'Valid UTF8String Case Insensitive Match Test11'],
  ['4.4.16', 'Valid Long Serial Number Test16'],
  ['4.4.17', 'Valid Long Serial Number Test17'],
  ['4.5.1', 'Valid Basic Self-Issued Old With New Test1'],
  ['4.5.3', 'Valid Basic Self-Issued New With Old Test3'],
  ['4.5.4', 'Valid Basic Self-Issued New With Old Test4'],
  ['4.5.6', 'Valid Basic Self-Issued CRL Signing Key Test6'],
  ['4.5.8', 'Invalid Basic Self-Issued CRL Signing Key Test8'],
  ['4.6.1', 'Invalid Missing basicConstraints Test1'],
  ['4.6.2', 'Invalid cA False Test2'],
  ['4.6.3', 'Invalid cA False Test3'],
  ['4.6.4', 'Valid basicConstraints Not Critical Test4'],
  ...[5, 6, 9, 10, 11, 12].map((n) => [`4.6.${n}`, `Invalid pathLenConstraint Test${n}`] as const),
  ...[7, 8, 13, 14].map((n) => [`4.6.${n}`, `Valid pathLenConstraint Test${n}`] as const),
  ['4.6.15', 'Valid Self-Issued pathLenConstraint Test15'],
  ['4.6.16', 'Invalid Self-Issued pathLenConstraint Test16'],
  ['4.6.17', 'Valid Self-Issued pathLenConstraint Test17'],
  ['4.7.1', 'Invalid keyUsage Critical keyCertSign False Test1'],
  ['4.7.2', 'Invalid keyUsage Not Critical keyCertSign False Test2'],
  ['4.7.3', 'Valid keyUsage Not Critical Test3'],
  ['4.10.7', 'Invalid Mapping From anyPolicy Test7'],
  ['4.10.8', 'Invalid Mapping To anyPolicy Test8'],
  ['4.12.7', 'Valid Self-Issued inhibitAnyPolicy Test7'],
  ['4.12.8', 'Invalid Self-Issued inhibitAnyPolicy Test8'],
  ['4.12.9', 'Valid Self-Issued inhibitAnyPolicy Test9'],
  ['4.12.10', 'Invalid Self-Issued inhibitAnyPolicy Test10'],
  ...[1, 4, 5, 6, 11, 14, 18, 19].map(
    (n) => [`4.13.${n}`, `Valid DN nameConstraints Test${n}`] as const,
  ),
  ...[2, 3, 7, 8, 9, 10, 12, 13, 15, 16, 17, 20].map(
    (n) => [`4.13.${n}`, `Invalid DN nameConstraints Test${n}`] as const,
  ),
  ...[21, 23, 25].map((n) => [`4.13.${n}`, `Valid RFC822 nameConstraints Test${n}`] as const),
  ...[22, 24, 26].map((n) => [`4.13.${n}`, `Invalid RFC822 nameConstraints Test${n}`] as const),
  ['4.13.27', 'Valid DN and RFC822 nameConstraints Test27'],
  ['4.13.28', 'Invalid DN and RFC822 nameConstraints Test28'],
  ['4.13.29', 'Invalid DN and RFC822 nameConstraints Test29'],
  ...[30, 32].map((n) => [`4.13.${n}`, `Valid DNS nameConstraints Test${n}`] as const),
  ...[31, 33, 38].map((n) => [`4.13.${n}`, `Invalid DNS nameConstraints Test${n}`] as const),
  ...[34, 36].map((n) => [`4.13.${n}`, `Valid URI nameConstraints Test${n}`] as const),
  ...[35, 37].map((n) => [`4.13.${n}`, `Invalid URI nameConstraints Test${n}`] as const),
  ['4.16.1', 'Valid Unknown Not Critical Certificate Extension Test1'],
  ['4.16.2', 'Invalid Unknown Critical Certificate Extension Test2'],
];

describe('PKITS: signatures, times, names, basicConstraints, keyUsage, name constraints', () => {
  test.each(titles)('%s %s', (section, title) => {
    const { violations } = validatePkits(title, {});
    const accepted = violations.length === 0;
    const rules = violations.map(({ rule, message }) => `${rule}: ${message}`).join('; ');
    if (divergences.has(section)) expect(accepted, 'the divergence is gone').toBe(false);
    else expect(accepted, rules).toBe(title.startsWith('Valid'));
  });
});

/** What the path must be valid for, as in the tables of the suite. */
interface Asked {
  readonly set?: readonly number[];
  readonly explicit?: true;
  readonly inhibitMapping?: true;
  readonly inhibitAny?: true;
}
const any: Asked = {};
const of = (...set: readonly number[]): Asked => ({ set });
const explicit: Asked = { explicit: true };

/** Section, test, inputs, and the policies of the user; `refused` where the path is not valid. */
const policyRows: readonly (readonly [
  string,
  string,
  Asked,
  readonly number[] | 'any' | 'refused',
])[] = [
  ['4.8.1 (1)', 'Valid Certificate Path Test1', explicit, [1]],
  ['4.8.1 (2)', 'Valid Certificate Path Test1', { ...of(1), explicit: true }, [1]],
  ['4.8.1 (3)', 'Valid Certificate Path Test1', { ...of(2), explicit: true }, 'refused'],
  ['4.8.1 (4)', 'Valid Certificate Path Test1', { ...of(1, 2), explicit: true }, [1]],
  ['4.8.2 (1)', 'All Certificates No Policies Test2', any, []],
  ['4.8.2 (2)', 'All Certificates No Policies Test2', explicit, 'refused'],
  ['4.8.3 (1)', 'Different Policies Test3', any, []],
  ['4.8.3 (2)', 'Different Policies Test3', explicit, 'refused'],
  ['4.8.3 (3)', 'Different Policies Test3', { ...of(1, 2), explicit: true }, 'refused'],
  ['4.8.4', 'Different Policies Test4', any, 'refused'],
  ['4.8.5', 'Different Policies Test5', any, 'refused'],
  ['4.8.6 (1)', 'Overlapping Policies Test6', any, [1]],
  ['4.8.6 (2)', 'Overlapping Policies Test6', of(1), [1]],
  ['4.8.6 (3)', 'Overlapping Policies Test6', of(2), 'refused'],
  ['4.8.7', 'Different Policies Test7', any, 'refused'],
  ['4.8.8', 'Different Policies Test8', any, 'refused'],
  ['4.8.9', 'Different Policies Test9', any, 'refused'],
  ['4.8.10 (1)', 'All Certificates Same Policies Test10', of(1), [1]],
  ['4.8.10 (2)', 'All Certificates Same Policies Test10', of(2), [2]],
  ['4.8.10 (3)', 'All Certificates Same Policies Test10', any, [1, 2]],
  ['4.8.11 (1)', 'All Certificates AnyPolicy Test11', any, 'any'],
  ['4.8.11 (2)', 'All Certificates AnyPolicy Test11', of(1), [1]],
  ['4.8.12', 'Different Policies Test12', any, 'refused'],
  ['4.8.13 (1)', 'All Certificates Same Policies Test13', of(1), [1]],
  ['4.8.13 (2)', 'All Certificates Same Policies Test13', of(2), [2]],
  ['4.8.13 (3)', 'All Certificates Same Policies Test13', of(3), [3]],
  ['4.8.14 (1)', 'AnyPolicy Test14', of(1), [1]],
  ['4.8.14 (2)', 'AnyPolicy Test14', of(2), 'refused'],
  ['4.8.15', 'User Notice Qualifier Test15', any, [1]],
  ['4.8.16', 'User Notice Qualifier Test16', any, [1]],
  ['4.8.17', 'User Notice Qualifier Test17', any, [1]],
  ['4.8.18 (1)', 'User Notice Qualifier Test18', of(1), [1]],
  ['4.8.18 (2)', 'User Notice Qualifier Test18', of(2), [2]],
  ['4.8.19', 'User Notice Qualifier Test19', any, [1]],
  ['4.8.20', 'CPS Pointer Qualifier Test20', explicit, [1]],
  ['4.9.1', 'Valid requireExplicitPolicy Test1', any, []],
  ['4.9.2', 'Valid requireExplicitPolicy Test2', any, []],
  ['4.9.3', 'Invalid requireExplicitPolicy Test3', any, 'refused'],
  ['4.9.4', 'Valid requireExplicitPolicy Test4', any, [1]],
  ['4.9.5', 'Invalid requireExplicitPolicy Test5', any, 'refused'],
  ['4.9.6', 'Valid Self-Issued requireExplicitPolicy Test6', any, []],
  ['4.9.7', 'Invalid Self-Issued requireExplicitPolicy Test7', any, 'refused'],
  ['4.9.8', 'Invalid Self-Issued requireExplicitPolicy Test8', any, 'refused'],
  ['4.10.1 (1)', 'Valid Policy Mapping Test1', of(1), [1]],
  ['4.10.1 (2)', 'Valid Policy Mapping Test1', of(2), 'refused'],
  ['4.10.1 (3)', 'Valid Policy Mapping Test1', { inhibitMapping: true }, 'refused'],
  ['4.10.2 (1)', 'Invalid Policy Mapping Test2', any, 'refused'],
  ['4.10.2 (2)', 'Invalid Policy Mapping Test2', { inhibitMapping: true }, 'refused'],
  ['4.10.3 (1)', 'Valid Policy Mapping Test3', of(1), 'refused'],
  ['4.10.3 (2)', 'Valid Policy Mapping Test3', of(2), [2]],
  ['4.10.4', 'Invalid Policy Mapping Test4', any, 'refused'],
  ['4.10.5 (1)', 'Valid Policy Mapping Test5', of(1), [1]],
  ['4.10.5 (2)', 'Valid Policy Mapping Test5', of(6), 'refused'],
  ['4.10.6 (1)', 'Valid Policy Mapping Test6', of(1), [1]],
  ['4.10.6 (2)', 'Valid Policy Mapping Test6', of(6), 'refused'],
  ['4.10.9', 'Valid Policy Mapping Test9', any, [1]],
  ['4.10.10', 'Invalid Policy Mapping Test10', any, 'refused'],
  ['4.10.11', 'Valid Policy Mapping Test11', any, [1]],
  ['4.10.12 (1)', 'Valid Policy Mapping Test12', of(1), [1]],
  ['4.10.12 (2)', 'Valid Policy Mapping Test12', of(2), [2]],
  ['4.10.13', 'Valid Policy Mapping Test13', any, [1]],
  ['4.10.14', 'Valid Policy Mapping Test14', any, [1]],
  ['4.11.1', 'Invalid inhibitPolicyMapping Test1', any, 'refused'],
  ['4.11.2', 'Valid inhibitPolicyMapping Test2', any, [1]],
  ['4.11.3', 'Invalid inhibitPolicyMapping Test3', any, 'refused'],
  ['4.11.4', 'Valid inhibitPolicyMapping Test4', any, [2]],
  ['4.11.5', 'Invalid inhibitPolicyMapping Test5', any, 'refused'],
  ['4.11.6', 'Invalid inhibitPolicyMapping Test6', any, 'refused'],
  ['4.11.7', 'Valid Self-Issued inhibitPolicyMapping Test7', any, [1]],
  ['4.11.8', 'Invalid Self-Issued inhibitPolicyMapping Test8', any, 'refused'],
  ['4.11.9', 'Invalid Self-Issued inhibitPolicyMapping Test9', any, 'refused'],
  ['4.11.10', 'Invalid Self-Issued inhibitPolicyMapping Test10', any, 'refused'],
  ['4.11.11', 'Invalid Self-Issued inhibitPolicyMapping Test11', any, 'refused'],
  ['4.12.1', 'Invalid inhibitAnyPolicy Test1', any, 'refused'],
  ['4.12.2', 'Valid inhibitAnyPolicy Test2', any, [1]],
  ['4.12.3 (1)', 'inhibitAnyPolicy Test3', any, [1]],
  ['4.12.3 (2)', 'inhibitAnyPolicy Test3', { inhibitAny: true }, 'refused'],
  ['4.12.4', 'Invalid inhibitAnyPolicy Test4', any, 'refused'],
  ['4.12.5', 'Invalid inhibitAnyPolicy Test5', any, 'refused'],
  ['4.12.6', 'Invalid inhibitAnyPolicy Test6', any, 'refused'],
];

describe('PKITS: policies, mappings, and their constraints', () => {
  test.each(policyRows)('%s %s', (_section, title, asked, expected) => {
    const { violations, policies } = validatePkits(title, {
      initialPolicySet: asked.set?.map(nist),
      initialExplicitPolicy: asked.explicit,
      initialPolicyMappingInhibit: asked.inhibitMapping,
      initialAnyPolicyInhibit: asked.inhibitAny,
    });
    const verdict = violations.length > 0 ? 'refused' : policies.toSorted();
    const wanted =
      expected === 'any'
        ? [oids.anyPolicy]
        : expected === 'refused'
          ? expected
          : expected.map(nist);
    expect(verdict, violations.map(({ message }) => message).join('; ')).toEqual(wanted);
    if (expected === 'refused') {
      // Not for another reason: the suite's paths are right but for their policies.
      expect(new Set(violations.map(({ rule }) => rule))).toEqual(new Set(['path-policy']));
    }
  });
});
