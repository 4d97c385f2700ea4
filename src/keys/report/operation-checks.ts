import type { ReportFacts } from './facts.ts';
import {
  activeKeys,
  type Check,
  item,
  type Judgement,
  liveKeys,
  nameOf,
  placeOf,
  recurring,
  rfc3339,
  together,
  tokenKeys,
} from './judgement.ts';
import type { Reference } from './references.ts';
import { backups, lastBackup, reconciled } from './sightings.ts';
import { destructions } from './state-checks.ts';

/** Clauses 8.2 to 8.4: while keys are used, and after. */
export const operationChecks: Partial<Record<Reference, Check>> = {
  '8.2.1.1': moduleStorage,
  '8.2.1.2': accessibleStorage,
  '8.2.2.1': backupStorage,
  '8.2.2.2': keyRecovery,
  '8.2.3.1': rekeying,
  '8.2.3.2': keyUpdate,
  '8.2.4': derivation,
  '8.3.1': archive,
  '8.3.2': entityDeregistration,
  '8.3.3': keyDeregistration,
  '8.3.4': destruction,
  '8.3.5': revocation,
  '8.4': destroyedPhase,
};

function moduleStorage(facts: ReportFacts): Judgement {
  const keys = tokenKeys(facts);
  return together('the keys are objects of their tokens, found there by the last reconciliation', [
    {
      evidence: keys.map((key) =>
        item('token object', placeOf(key), `token ${key.record.token.label}`, key.record.createdAt),
      ),
      problems: keys
        .filter(({ record }) => !record.attributes.token)
        .map((key) => `${nameOf(key)} is a session object and ends with its session`),
    },
    reconciled(facts),
  ]);
}

const longestSoftwareCertificate = 8 * 86_400_000;

function accessibleStorage(facts: ReportFacts): Judgement {
  const keys = liveKeys(facts).filter(({ record }) => record.tokenRole === 'software');
  return {
    shows: 'keys kept as files are the named exceptions, with certificates of a week at most',
    evidence:
      keys.length === 0
        ? [item('keys kept as files', 'key inventory', `0 of ${facts.keys.length}`, facts.at)]
        : keys.map((key) =>
            item(
              `${key.record.type} key kept as a file`,
              placeOf(key),
              key.record.owner,
              key.record.createdAt,
            ),
          ),
    problems: keys.flatMap((key) => [
      ...(key.record.type === 'httpsServer'
        ? []
        : [`${nameOf(key)} is kept as a file, which is no named exception for its type`]),
      ...key.certificates
        .filter(
          ({ notBefore, notAfter }) =>
            notAfter.getTime() - notBefore.getTime() > longestSoftwareCertificate,
        )
        .map(
          ({ reference }) =>
            `certificate ${reference} of a key kept as a file lasts longer than a week`,
        ),
    ]),
    ...(keys.length === 0 ? { notApplicable: 'no key on record is kept outside of a token' } : {}),
  };
}

/** The last time a restore was tried. */
export function restoreDrill(facts: ReportFacts): Pick<Judgement, 'evidence' | 'problems'> {
  return recurring(facts, {
    kind: 'drill.restore',
    within: facts.periods.drills,
    what: 'drill of a restore',
    mend: 'restore a backup elsewhere and record it with `chancery evidence record drill.restore`',
  });
}

function backupStorage(facts: ReportFacts): Judgement {
  return {
    ...together('the CA keys have copies, and the last backup is recent', [
      backups(facts),
      lastBackup(facts),
    ]),
    later:
      'backups that Chancery encrypts and checks itself; those on record are as a person stated',
  };
}

function keyRecovery(facts: ReportFacts): Judgement {
  return together('keys were recovered from their copies in a drill', [
    restoreDrill(facts),
    backups(facts),
  ]);
}

function rekeying(facts: ReportFacts): Judgement {
  const keys = activeKeys(facts).filter(({ record }) => record.type !== 'selfTest');
  return {
    shows: 'each key is replaced by a new one before its cryptoperiod ends; none is overdue',
    evidence: keys.map((key) => {
      const { originatorUsageEnd, reason } = key.record.cryptoperiod;
      return item(
        `version ${key.record.version}, to be replaced before`,
        placeOf(key),
        reason === undefined ? undefined : `longer than the policy’s period: ${reason}`,
        originatorUsageEnd,
      );
    }),
    problems: keys.flatMap((key) => {
      const end = key.record.cryptoperiod.originatorUsageEnd;
      if (end === undefined) return [`${nameOf(key)} has no date by which it is replaced`];
      return end <= facts.at
        ? [`${nameOf(key)} should have been replaced before ${rfc3339(end)}`]
        : [];
    }),
  };
}

function keyUpdate(facts: ReportFacts): Judgement {
  return {
    shows: '',
    evidence: facts.keys.map((key) => item('origin', placeOf(key), key.record.origin)),
    problems: [],
    notApplicable: 'no key is computed from the one before it: a new version is a new key pair',
  };
}

function derivation(facts: ReportFacts): Judgement {
  return {
    shows: '',
    evidence: [
      ...facts.keys.map((key) => item('origin', placeOf(key), key.record.origin)),
      item(
        'MAC keys of external account bindings',
        'file acme/secret',
        'HMAC-SHA256 of the kid: access credentials of ACME, not keys of the PKI',
      ),
    ],
    problems: [],
    notApplicable: 'no key of the inventory is derived from another',
  };
}

function archive(facts: ReportFacts): Judgement {
  const encryption = facts.keys.filter(({ record }) => record.attributes.decrypt);
  return {
    shows: 'signature keys are never archived, and there is no other key',
    evidence: [
      item(
        'keys that decrypt',
        'key inventory',
        `${encryption.length} of ${facts.keys.length}`,
        facts.at,
      ),
    ],
    problems: encryption
      .filter(({ record }) => record.type !== 'wrapping')
      .map((key) => `${nameOf(key)} signs and decrypts`),
    later: 'an archive for encryption keys, opened by M of N',
  };
}

function entityDeregistration(facts: ReportFacts): Judgement {
  const disabled = facts.principals.filter(({ disabledAt }) => disabledAt !== undefined);
  return {
    shows: 'nobody who left still has a credential that counts',
    evidence: [
      item(
        'principals that left',
        'principals',
        `${disabled.length} of ${facts.principals.length}`,
        facts.at,
      ),
    ],
    problems: disabled.flatMap(({ name, credentials }) =>
      credentials
        .filter(({ revokedAt, notAfter }) => revokedAt === undefined && notAfter > facts.at)
        .map(({ id }) => `credential ${id} of ${name}, who left, was not revoked`),
    ),
    later: 'one act that ends accounts, tokens, approvals and certificates of somebody who leaves',
  };
}

function keyDeregistration(facts: ReportFacts): Judgement {
  const gone = facts.keys.filter(
    ({ record }) => record.publicState === 'destroyed' || record.publicState === 'compromised',
  );
  return {
    shows: 'the certificates of keys that are out of use are revoked or have expired',
    evidence:
      gone.length === 0
        ? [item('keys out of use', 'key inventory', `0 of ${facts.keys.length}`, facts.at)]
        : gone.map((key) =>
            item(
              `public half ${key.record.publicState}`,
              placeOf(key),
              key.certificates.map(({ reference, status }) => `${reference} ${status}`).join(', '),
              key.record.stateSince,
            ),
          ),
    problems: gone
      .filter(({ record }) => record.tokenRole !== 'root')
      .flatMap((key) =>
        key.certificates
          .filter(({ status, notAfter }) => status !== 'revoked' && notAfter > facts.at)
          .map(({ reference }) => `certificate ${reference} of ${nameOf(key)} still counts`),
      ),
    ...(gone.length === 0 ? { notApplicable: 'no key is out of use' } : {}),
  };
}

function destruction(facts: ReportFacts): Judgement {
  const seen = destructions(facts);
  const gone = facts.keys.filter(({ record }) => record.privateState === 'destroyed');
  return {
    ...together('each destruction left a record that nothing is left in the token', [seen]),
    ...(gone.length === 0
      ? {
          evidence: [
            item('destroyed keys', 'key inventory', `0 of ${facts.keys.length}`, facts.at),
          ],
          notApplicable: 'no key was destroyed yet',
        }
      : {}),
  };
}

function revocation(facts: ReportFacts): Judgement {
  const issuers = facts.issuers.filter(({ state }) => state === 'active');
  const wanting = issuers.filter(({ keyId }) => {
    const state = facts.keys.find(({ record }) => record.keyId === keyId)?.record.privateState;
    return state === 'active' || state === 'suspended';
  });
  return {
    shows: 'every issuer tells revocations by CRLs that are current',
    evidence: issuers.flatMap(({ name, shards }) =>
      shards.map(({ shard, thisUpdate, nextUpdate }) =>
        item(
          `CRL ${shard} of issuer ${name}`,
          'CRLs',
          nextUpdate === undefined ? 'none' : `until ${rfc3339(nextUpdate)}`,
          thisUpdate,
        ),
      ),
    ),
    problems: wanting.flatMap(({ name, shards }) =>
      shards.length === 0
        ? [`issuer ${name} has no CRL`]
        : shards
            .filter(({ nextUpdate }) => nextUpdate === undefined || nextUpdate <= facts.at)
            .map(({ shard }) => `CRL ${shard} of issuer ${name} is missing or has ended`),
    ),
    later: 'signed notifications of revoked keys, and a signed list of compromised ones',
  };
}

function destroyedPhase(facts: ReportFacts): Judgement {
  const gone = facts.keys.filter(({ record }) => record.privateState === 'destroyed');
  return {
    shows: 'what was recorded of destroyed keys is kept',
    evidence:
      gone.length === 0
        ? [item('destroyed keys', 'key inventory', `0 of ${facts.keys.length}`, facts.at)]
        : gone.map((key) =>
            item(
              'metadata kept',
              placeOf(key),
              `${key.transitions.length} steps, ${key.certificates.length} certificates`,
              key.record.stateSince,
            ),
          ),
    problems: gone
      .filter(({ transitions }) => !transitions.some(({ to }) => to === 'destroyed'))
      .map((key) => `the destruction of ${nameOf(key)} is not in its history`),
    ...(gone.length === 0 ? { notApplicable: 'no key was destroyed yet' } : {}),
  };
}
