import type { KeyFacts, ReportFacts } from './facts.ts';
import {
  activeKeys,
  type Check,
  item,
  type Judgement,
  nameOf,
  placeOf,
  rfc3339,
  together,
} from './judgement.ts';
import type { Reference } from './references.ts';
import { auditSample, certified, confidentiality } from './sightings.ts';

/** Clauses 6.1 and 6.2.1: protection of keys, of what is recorded about them, and of both in transit. */
export const transitChecks: Partial<Record<Reference, Check>> = {
  '6.1.1': keyProtection,
  '6.1.2': otherInformation,
  '6.2.1.1': transitAvailability,
  '6.2.1.2': transitIntegrity,
  '6.2.1.3': transitConfidentiality,
  '6.2.1.4': transitUsage,
  '6.2.1.5': transitEntity,
  '6.2.1.6': transitRelated,
};

function keyProtection(facts: ReportFacts): Judgement {
  const active = activeKeys(facts);
  return {
    shows:
      'every active key has its algorithm, its public half, its purposes and the end of its cryptoperiod on record',
    evidence: active.map((key) =>
      item(
        'period of protection',
        placeOf(key),
        `${key.record.algorithm}, protects until ${endOf(key)}`,
        key.record.cryptoperiod.activatedAt,
      ),
    ),
    problems: active.flatMap((key) => [
      ...(key.record.cryptoperiod.originatorUsageEnd === undefined
        ? [`${nameOf(key)} is active without an end of its originator-usage period: set one`]
        : []),
      ...(key.record.subjectPublicKeyInfo.length === 0
        ? [`${nameOf(key)} is recorded without its public half`]
        : []),
      ...(key.record.purposes.length === 0 && key.record.type !== 'httpsServer'
        ? [`${nameOf(key)} has no purpose`]
        : []),
    ]),
  };
}

function endOf({ record }: KeyFacts): string {
  const { originatorUsageEnd } = record.cryptoperiod;
  return originatorUsageEnd === undefined ? 'no date' : rfc3339(originatorUsageEnd);
}

function otherInformation(facts: ReportFacts): Judgement {
  const dated = facts.keys.map((key) =>
    item('steps of its states', placeOf(key), `${key.transitions.length} recorded, insert-only`),
  );
  return {
    ...together('metadata and audit records are insert-only, and those looked at are whole', [
      auditSample(facts),
      { evidence: dated, problems: [] },
    ]),
    later: 'the log in which a removed or changed audit record shows to an outsider (Merkle log)',
  };
}

function transitAvailability(facts: ReportFacts): Judgement {
  const issuers = facts.issuers.filter(({ certificate }) => certificate !== undefined);
  return {
    shows: 'the certificate of every issuer can be fetched where its certificates point to',
    evidence: issuers.map(({ name, published }) =>
      item(
        `certificate of issuer ${name}`,
        published.path,
        published.agrees ? 'served' : 'missing',
      ),
    ),
    problems: issuers
      .filter(({ published }) => !published.agrees)
      .map(
        ({ name, published }) =>
          `the file ${published.path} is missing or is not the certificate of issuer ${name}: publish it again by restarting the CA`,
      ),
  };
}

function transitIntegrity(facts: ReportFacts): Judgement {
  const distributions = facts.keys.flatMap((key) =>
    key.distributions.map((distribution) => ({ key, distribution })),
  );
  const without = distributions.filter(({ distribution }) => distribution.sha256 === undefined);
  const issuers = facts.issuers.flatMap(({ name, published, certificate }) =>
    certificate === undefined ? [] : [{ name, published, certificate }],
  );
  return {
    shows:
      'what is in transit is signed (certificates, CRLs) and what is served has the recorded SHA-256',
    evidence: [
      ...issuers.map(({ name, published, certificate }) =>
        item(
          `certificate of issuer ${name} as served`,
          published.path,
          `sha256 ${certificate.sha256}`,
        ),
      ),
      ...distributions.map(({ key, distribution }) =>
        item(
          `public key given out by ${distribution.channel}`,
          placeOf(key),
          distribution.sha256 === undefined ? 'no hash' : `sha256 ${distribution.sha256}`,
          distribution.at,
        ),
      ),
    ],
    problems: [
      ...issuers
        .filter(({ published }) => !published.agrees)
        .map(({ published }) => `the file ${published.path} is not the recorded certificate`),
      ...without
        .filter(({ distribution }) => distribution.channel !== 'confirmed')
        .map(
          ({ key, distribution }) =>
            `the distribution of ${nameOf(key)} by ${distribution.channel} has no SHA-256 on record`,
        ),
    ],
  };
}

function transitConfidentiality(facts: ReportFacts): Judgement {
  const url = facts.settings['urls.https'] ?? '';
  return together(
    'no private half can leave its token, so none travels; administration comes over TLS only',
    [
      confidentiality(facts),
      {
        evidence: [item('administrative door', 'setting urls.https', url)],
        problems: url.startsWith('https://') ? [] : ['urls.https is not an https URL'],
      },
    ],
  );
}

function transitUsage(facts: ReportFacts): Judgement {
  const issuers = certified(facts);
  return {
    shows: 'each issuer’s certificate says what its key is for, and the key’s record says the same',
    evidence: issuers.map(({ name, issuerId, certificate }) =>
      item(`keyUsage of issuer ${name}`, `issuer ${issuerId}`, certificate.keyUsage.join(', ')),
    ),
    problems: issuers
      .filter(
        ({ certificate }) =>
          !['keyCertSign', 'cRLSign'].every((usage) => certificate.keyUsage.includes(usage)) ||
          certificate.keyUsage.length > 3,
      )
      .map(({ name }) => `the keyUsage of issuer ${name} is not that of a CA alone`),
  };
}

function transitEntity(facts: ReportFacts): Judgement {
  const issuers = certified(facts);
  return {
    shows: 'each issuer’s certificate binds the recorded subject to the recorded public key',
    evidence: issuers.map(({ name, certificate }) =>
      item(
        `certificate of issuer ${name}`,
        `sha256 ${certificate.sha256}`,
        'subject and key agree',
      ),
    ),
    problems: issuers
      .filter(({ certificate }) => !certificate.subjectAgrees || !certificate.publicKeyAgrees)
      .map(
        ({ name }) =>
          `the certificate of issuer ${name} is not for the recorded subject and key: \`chancery database verify\` says more`,
      ),
  };
}

function transitRelated(facts: ReportFacts): Judgement {
  const issuers = certified(facts);
  return {
    shows:
      'key identifiers in the certificates tie each key to its issuer’s; parameters are named by the algorithm',
    evidence: issuers.map(({ name, certificate }) =>
      item(
        `key identifiers of issuer ${name}`,
        `sha256 ${certificate.sha256}`,
        `subject ${certificate.subjectKeyIdentifier ?? 'none'}, authority ${certificate.authorityKeyIdentifier ?? 'none'}`,
      ),
    ),
    problems: issuers.flatMap(({ name, issuerId, kind, parentIssuerId, certificate }) => [
      ...(certificate.subjectKeyIdentifier === undefined ||
      (kind !== 'external' && certificate.subjectKeyIdentifier !== issuerId)
        ? [`the subjectKeyIdentifier of issuer ${name} is not that of its key`]
        : []),
      ...(kind === 'subordinate' && certificate.authorityKeyIdentifier !== parentIssuerId
        ? [`the authorityKeyIdentifier of issuer ${name} is not its parent’s`]
        : []),
    ]),
  };
}
