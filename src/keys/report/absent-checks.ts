import type { ReportFacts } from './facts.ts';
import { type Check, item, type Judgement, placeOf, tokenKeys } from './judgement.ts';
import type { Reference } from './references.ts';

/** Clauses about keying material that a PKI of signature keys does not manage, and what there is of that kind. */
export const absentChecks: Partial<Record<Reference, Check>> = {
  '8.1.5.1.2': ephemeral,
  '8.1.5.2.1': symmetric('symmetric keys are generated'),
  '8.1.5.2.2.1': symmetric('symmetric keys are handed over by people'),
  '8.1.5.2.2.2': symmetric('symmetric keys are transported or wrapped'),
  '8.1.5.2.3': symmetric('keys are agreed upon'),
  '8.1.5.3.2': symmetric('initialization vectors are made or handed over'),
  '8.1.5.3.3': symmetric('shared secrets are kept or handed over'),
  '8.1.5.3.4': insideToken('seeds of random bit generators'),
  '8.1.5.3.5': symmetric('other keying material is handed over'),
  '8.1.5.3.6': insideToken('intermediate results of signatures'),
};

/** Evidence that the inventory holds no symmetric key. */
function wrappingKeys(facts: ReportFacts): Pick<Judgement, 'evidence' | 'later'> {
  const keys = facts.keys.filter(({ record }) => record.type === 'wrapping');
  return {
    evidence: [
      item(
        'wrapping keys',
        'key inventory',
        `${keys.length} of ${facts.keys.length} keys`,
        facts.at,
      ),
      item(
        'one secret for nonces and for the MAC keys of external account bindings',
        'file acme/secret',
        'an access credential of ACME, not a key of the PKI; the binding keys derive from it',
      ),
      item('session keys', 'TLS', 'made and forgotten by the TLS library, never kept'),
    ],
    later: 'checks of wrapping keys, of which there are some',
  };
}

function symmetric(what: string): Check {
  return (facts) => {
    const { evidence, later } = wrappingKeys(facts);
    const none = facts.keys.every(({ record }) => record.type !== 'wrapping');
    return {
      shows: 'the wrapping keys are on record',
      evidence,
      problems: [],
      ...(none
        ? {
            notApplicable: `Chancery manages key pairs that sign: none of its acts is one by which ${what}; wrapping and backup keys come with the escrow of encryption keys, and session keys are TLS’s own`,
          }
        : { later }),
    };
  };
}

function ephemeral(facts: ReportFacts): Judgement {
  return {
    shows: '',
    evidence: [
      item('administrative door', 'setting urls.https', facts.settings['urls.https'] ?? ''),
      item('ephemeral keys on record', 'key inventory', `0 of ${facts.keys.length}`),
    ],
    problems: [],
    notApplicable:
      'ephemeral public keys occur inside of TLS only, which makes and authenticates them',
  };
}

function insideToken(what: string): Check {
  return (facts) => {
    const keys = tokenKeys(facts);
    return {
      shows: '',
      evidence: keys.map((key) =>
        item('key used inside of its token', placeOf(key), key.record.token.label),
      ),
      problems: [],
      notApplicable: `${what} exist inside of the tokens and of the operating system alone; Chancery neither makes, sees nor hands them over`,
    };
  };
}
