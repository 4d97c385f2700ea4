import type { KeyFacts, ReportFacts } from './facts.ts';
import {
  type Check,
  item,
  type Judgement,
  liveKeys,
  nameOf,
  placeOf,
  together,
  tokenRoles,
} from './judgement.ts';
import type { Reference } from './references.ts';
import {
  auditSample,
  backups,
  certified,
  confidentiality,
  held,
  lastBackup,
  mixedPurposes,
  reconciled,
} from './sightings.ts';

/** Clauses 6.2.2 and 6.2.3: protection in storage, and metadata. */
export const storageChecks: Partial<Record<Reference, Check>> = {
  '6.2.2.1': storageAvailability,
  '6.2.2.2': storageIntegrity,
  '6.2.2.3': storageConfidentiality,
  '6.2.2.4': storageUsage,
  '6.2.2.5': storageEntity,
  '6.2.2.6': storageRelated,
  '6.2.3': metadata,
};

function storageAvailability(facts: ReportFacts): Judgement {
  return together('each CA key has a copy, and the last backup is recent', [
    backups(facts),
    lastBackup(facts),
  ]);
}

function storageIntegrity(facts: ReportFacts): Judgement {
  return together('tokens and records agree, and the audit records looked at are whole', [
    reconciled(facts),
    auditSample(facts),
  ]);
}

function storageConfidentiality(facts: ReportFacts): Judgement {
  const roles = tokenRoles(facts);
  const software = liveKeys(facts).filter(({ record }) => record.tokenRole === 'software');
  return together('private halves are sensitive, never extractable, and in validated modules', [
    confidentiality(facts),
    {
      evidence: roles.map((role) => {
        const token = facts.tokens.find((one) => one.role === role);
        return item('validation of the module', `token ${role}`, token?.validation ?? 'none');
      }),
      problems: roles
        .filter((role) => !facts.tokens.some((one) => one.role === role && one.validation))
        .map((role) => {
          const { identity } = facts.tokens.find((one) => one.role === role) ?? {};
          const what =
            identity === undefined ? 'its module' : `${identity.manufacturer} ${identity.model}`;
          return `the ${role} token (${what}) has no validation certificate on record: software such as SoftHSM protects keys as files only`;
        }),
    },
    {
      evidence: software.map((key) =>
        item('key kept as a file of mode 0600, a named exception', placeOf(key), key.record.type),
      ),
      problems: [],
    },
  ]);
}

function storageUsage(facts: ReportFacts): Judgement {
  const keys = liveKeys(facts);
  return {
    shows: 'each key has one purpose on record, and its token lets it do nothing else',
    evidence: keys.map((key) =>
      item(
        'purposes bound',
        placeOf(key),
        key.record.purposes.join(', ') || 'TLS server',
        key.record.createdAt,
      ),
    ),
    problems: [
      ...keys.filter(mixedPurposes).map((key) => `${nameOf(key)} has several purposes (§5.2)`),
      ...keys
        .filter(
          ({ record: { attributes, tokenRole, type } }) =>
            tokenRole !== 'software' &&
            type !== 'wrapping' &&
            (!attributes.sign || attributes.decrypt || attributes.unwrap || attributes.derive),
        )
        .map((key) => `the token lets ${nameOf(key)} do other than sign`),
    ],
  };
}

function storageEntity(facts: ReportFacts): Judgement {
  const keys = liveKeys(facts);
  const ids = new Set(facts.issuers.map(({ issuerId }) => issuerId));
  return {
    shows: 'each key names its owner, and a CA’s or responder’s key the issuer it belongs to',
    evidence: keys.map((key) =>
      item(
        'owner',
        placeOf(key),
        `${key.record.owner}${key.record.issuerId === undefined ? '' : `, issuer ${key.record.issuerId}`}`,
      ),
    ),
    problems: keys.flatMap((key) => {
      const { owner, type, issuerId } = key.record;
      const belongs = type === 'ca' || type === 'ocspResponder';
      return [
        ...(owner === '' ? [`${nameOf(key)} has no owner`] : []),
        ...(belongs && (issuerId === undefined || !ids.has(issuerId))
          ? [`${nameOf(key)} belongs to no issuer in the inventory`]
          : []),
      ];
    }),
  };
}

function storageRelated(facts: ReportFacts): Judgement {
  const issuers = certified(facts);
  const versions = new Map<string, KeyFacts>();
  const twice = facts.keys.filter((key) => {
    const id = `${key.record.record}/${key.record.version}`;
    const before = versions.get(id);
    versions.set(id, key);
    return before !== undefined;
  });
  return {
    shows: 'each key is recorded with its public half, its versions and its certificates',
    evidence: facts.keys.map((key) =>
      item(
        'record and version',
        placeOf(key),
        `${key.record.record} version ${key.record.version}, certificates ${key.certificates.length}`,
      ),
    ),
    problems: [
      ...twice.map((key) => `${nameOf(key)} has the version of another key of its record`),
      ...issuers
        .filter(({ certificate }) => !certificate.publicKeyAgrees)
        .map(({ name }) => `the key of issuer ${name} is not the one in its certificate`),
    ],
  };
}

function metadata(facts: ReportFacts): Judgement {
  const missing = (key: KeyFacts): readonly string[] => {
    const { record, transitions } = key;
    return [
      ...(record.owner === '' ? ['owner'] : []),
      ...(record.purposes.length === 0 && record.type !== 'httpsServer' ? ['purposes'] : []),
      ...(record.tokenRole !== 'software' && record.token.serialNumber === '' ? ['token'] : []),
      ...(transitions.length === 0 ? ['dates of its transitions'] : []),
      ...(record.privateState === 'active' && record.cryptoperiod.originatorUsageEnd === undefined
        ? ['cryptoperiod']
        : []),
      ...(record.type === 'ca' && record.privateState !== 'destroyed' && record.backup === undefined
        ? ['backup (or why there is none)']
        : []),
      ...(record.tokenRole !== 'software' && !held(facts, key) ? ['custodian'] : []),
    ];
  };
  return {
    shows: 'every key has the metadata of the clause on record',
    evidence: facts.keys.map((key) => {
      const { record } = key;
      const counted = facts.usage
        .filter(({ keyId }) => keyId === record.keyId)
        .reduce((sum, { signatures }) => sum + signatures, 0);
      return item(
        `${record.keyAlgorithm}, ${record.privateState}/${record.publicState}, ${record.origin}`,
        placeOf(key),
        `token ${record.token.label}, ${counted} signatures counted`,
        record.stateSince,
      );
    }),
    problems: facts.keys
      .filter(({ record }) => record.privateState !== 'destroyed')
      .flatMap((key) => {
        const lacks = missing(key);
        return lacks.length === 0 ? [] : [`${nameOf(key)} lacks: ${lacks.join(', ')}`];
      }),
  };
}
