import { weakness } from '../strength.ts';
import type { ReportFacts } from './facts.ts';
import {
  activeKeys,
  type Check,
  caKeys,
  item,
  type Judgement,
  liveKeys,
  nameOf,
  placeOf,
  together,
  tokenRoles,
} from './judgement.ts';
import type { Reference } from './references.ts';
import { certified } from './sightings.ts';

/** Clause 8.1: before keys are used. */
export const establishmentChecks: Partial<Record<Reference, Check>> = {
  '8.1.1': entityRegistration,
  '8.1.2': systemInitialization,
  '8.1.3': initialization,
  '8.1.4': installation,
  '8.1.5.1': generation,
  '8.1.5.1.1.1': trustAnchors,
  '8.1.5.1.1.2': submission,
  '8.1.5.1.1.3': generalDistribution,
  '8.1.5.1.3': centrallyGenerated,
  '8.1.5.3.1': domainParameters,
  '8.1.5.3.7': randomNumbers,
  '8.1.5.3.8': passwords,
  '8.1.6': keyRegistration,
};

function entityRegistration(facts: ReportFacts): Judgement {
  const { principals } = facts;
  return {
    shows: 'everyone who may act is registered by name, with a role, by whom and since when',
    evidence: principals.map(({ name, role, createdBy, createdAt }) =>
      item(`principal ${name}`, 'principals', `${role}, registered by ${createdBy}`, createdAt),
    ),
    problems:
      principals.length === 0
        ? ['nobody is registered']
        : principals
            .filter(({ createdBy }) => createdBy === '')
            .map(({ name }) => `nobody is on record as having registered ${name}`),
    later:
      'evidence of how each person’s identity was proven, and registered clients of trust bundles',
  };
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function systemInitialization(facts: ReportFacts): Judgement {
  const ceremonies = facts.evidence
    .filter(({ kind, document }) => kind === 'ceremony' && document['outcome'] === 'completed')
    .map((record) => ({
      ...record,
      made: strings(record.document['made']),
      participants: strings(record.document['participants']),
    }));
  const roots = certified(facts).filter(
    ({ kind, keyId }) =>
      kind === 'root' && liveKeys(facts).some(({ record }) => record.keyId === keyId),
  );
  const heldFor = (sha256: string) =>
    ceremonies.filter(({ made }) => made.some((hash) => hash.includes(sha256)));
  return {
    shows: 'each root was made in a ceremony with witnesses, whose transcript is signed',
    evidence: ceremonies.map(({ id, subject, at, participants }) =>
      item(`ceremony ${subject}`, `evidence ${id}`, participants.join(', '), at),
    ),
    problems: roots.flatMap(({ name, certificate }) => {
      const held = heldFor(certificate.sha256);
      if (held.length === 0) {
        return [
          `root ${name} was made in no ceremony on record, so without witnesses and transcript: hold one for the next root with \`chancery ceremony run\``,
        ];
      }
      return held.some(({ participants }) => participants.some((one) => one.startsWith('witness ')))
        ? []
        : [`nobody witnessed the ceremony that made root ${name}`];
    }),
  };
}

function initialization(facts: ReportFacts): Judgement {
  const online = tokenRoles(facts).filter((role) => role === 'issuing');
  const issuing = facts.tokens.find(({ role }) => role === 'issuing');
  return {
    shows:
      'the token of the issuing CAs is initialised, known by its serial number, and its self-test key signs',
    evidence: facts.tokens.flatMap(({ role, identity, selfTest }) =>
      identity === undefined
        ? []
        : [
            item(
              `token ${role}`,
              `serial number ${identity.serialNumber}`,
              `${identity.manufacturer} ${identity.model} ${identity.firmwareVersion}, ${selfTest === undefined ? 'self-test not run' : selfTest ? 'self-test passed' : 'self-test failed'}`,
              facts.at,
            ),
          ],
    ),
    problems:
      online.length > 0 && (issuing?.identity === undefined || issuing.selfTest !== true)
        ? ['the issuing token does not answer, or its self-test fails: see /readyz']
        : [],
  };
}

function installation(facts: ReportFacts): Judgement {
  const issuers = certified(facts);
  const active = caKeys(facts).filter(({ record }) => record.privateState === 'active');
  const installed = new Set(issuers.map(({ keyId }) => keyId));
  return {
    shows:
      'each active CA key was made or adopted in its token, and the certificate installed is for it',
    evidence: issuers.map(({ name, keyId, certificate }) =>
      item(
        `certificate installed for issuer ${name}`,
        `key ${keyId}`,
        `sha256 ${certificate.sha256}`,
      ),
    ),
    problems: [
      ...active
        .filter(({ record }) => !installed.has(record.keyId))
        .map((key) => `${nameOf(key)} is active without an installed certificate`),
      ...issuers
        .filter(({ certificate }) => !certificate.publicKeyAgrees)
        .map(({ name }) => `the certificate installed for issuer ${name} is for another key`),
    ],
  };
}

/** §5.6.1. */
const leastBits = 112;
/** Kinds of keys whose parameters FIPS 186-5 and SP 800-186 name. */
const approved: ReadonlySet<string> = new Set([
  ...['p256', 'p384', 'p521', 'ed25519', 'rsa2048', 'rsa3072', 'rsa4096'],
]);

function generation(facts: ReportFacts): Judgement {
  const keys = liveKeys(facts);
  return {
    shows:
      'key pairs are of approved kinds, made in the token that uses them or adopted after a check',
    evidence: keys.map((key) =>
      item(
        `${key.record.origin} as ${key.record.keyAlgorithm}`,
        placeOf(key),
        key.record.tokenRole === 'software'
          ? 'software key, a named exception'
          : `token ${key.record.token.label}, local ${key.record.attributes.local}`,
        key.record.createdAt,
      ),
    ),
    problems: keys.flatMap((key) => [
      ...(approved.has(key.record.keyAlgorithm) &&
      weakness(key.record.keyAlgorithm, key.record.algorithm, leastBits, facts.at) === undefined
        ? []
        : [`${nameOf(key)} is of kind ${key.record.keyAlgorithm}, below 112 bits or not approved`]),
      ...(key.record.tokenRole !== 'software' &&
      key.record.origin === 'generated' &&
      !key.record.attributes.local
        ? [`the token says that ${nameOf(key)} was not made in it`]
        : []),
    ]),
  };
}

function trustAnchors(facts: ReportFacts): Judgement {
  const roots = certified(facts).filter(({ kind }) => kind === 'root');
  const anchors = new Set(facts.trustAnchors);
  return {
    shows:
      'each root’s certificate stands in the trust bundle, with its SHA-256 to compare by another way',
    evidence: roots.map(({ name, certificate }) =>
      item(`trust anchor ${name}`, '/bundles/default.pem', `sha256 ${certificate.sha256}`),
    ),
    problems: [
      ...(facts.trustAnchors.length === 0 ? ['the trust bundle is empty'] : []),
      ...roots
        .filter(
          ({ certificate, keyId }) =>
            !anchors.has(certificate.sha256) &&
            facts.keys.some(
              ({ record }) => record.keyId === keyId && record.privateState === 'active',
            ),
        )
        .map(({ name }) => `root ${name} is in use and missing from the trust bundle`),
    ],
    later: 'bundles that are signed and versioned, so that clients see an old or forged one',
  };
}

function submission({ certificates }: ReportFacts): Judgement {
  return {
    shows: 'of each certificate looked at it is on record how possession of the key was proven',
    evidence:
      certificates.looked === 0
        ? []
        : [
            item(
              `${certificates.looked} newest certificates`,
              'certificate inventory',
              `${certificates.withoutProof.length} without a proof of possession`,
              certificates.newest,
            ),
          ],
    problems: certificates.withoutProof.map(
      (reference) => `certificate ${reference} has no record of a proof of possession`,
    ),
    ...(certificates.looked === 0
      ? { notApplicable: 'no public key was submitted yet', evidence: [noCertificates] }
      : {}),
  };
}

const noCertificates = item('certificates issued to others', 'certificate inventory', '0');

function generalDistribution(facts: ReportFacts): Judgement {
  const issuers = certified(facts);
  return {
    shows: 'public keys are given out in certificates, at URLs that certificates name',
    evidence: issuers.map(({ name, published, certificate }) =>
      item(`certificate of issuer ${name}`, published.path, `sha256 ${certificate.sha256}`),
    ),
    problems: issuers
      .filter(({ published }) => !published.agrees)
      .map(
        ({ name, published }) =>
          `the file ${published.path} does not give out the key of issuer ${name}`,
      ),
  };
}

function centrallyGenerated(facts: ReportFacts): Judgement {
  return {
    shows:
      'no key pair is made here for somebody else: subscribers make theirs, and send a request signed with it',
    evidence: [
      item(
        'owners’ private keys on record',
        'key inventory',
        `0 of ${facts.keys.length} keys belong to subscribers`,
        facts.at,
      ),
    ],
    problems: [],
    later: 'encryption key pairs that are made centrally and delivered protected',
  };
}

function domainParameters(facts: ReportFacts): Judgement {
  const keys = liveKeys(facts);
  return {
    shows:
      'every key uses parameters that its algorithm names (FIPS 186-5, SP 800-186), none of anyone’s own',
    evidence: keys.map((key) => item('parameters', placeOf(key), key.record.keyAlgorithm)),
    problems: keys
      .filter(({ record }) => !approved.has(record.keyAlgorithm))
      .map(
        (key) => `${nameOf(key)} uses parameters that are not approved: ${key.record.keyAlgorithm}`,
      ),
  };
}

function randomNumbers({ certificates, tokens, at }: ReportFacts): Judgement {
  const issuing = tokens.find(({ role }) => role === 'issuing');
  return {
    shows:
      'random numbers come from the issuing token’s generator, and serial numbers are long enough',
    evidence: [
      ...(issuing?.identity === undefined
        ? []
        : [
            item('random bit generator', `token ${issuing.identity.label}`, 'C_GenerateRandom', at),
          ]),
      ...(certificates.looked === 0
        ? []
        : [
            item(
              `serial numbers of the ${certificates.looked} newest certificates`,
              'certificate inventory',
              `${certificates.shortSerialNumbers.length} shorter than 8 octets`,
              certificates.newest,
            ),
          ]),
    ],
    problems: [
      ...(issuing?.identity === undefined ? ['the issuing token, which draws them, is away'] : []),
      ...certificates.shortSerialNumbers.map(
        (reference) => `the serial number of ${reference} is shorter than 8 octets`,
      ),
    ],
  };
}

const longestCredential = 366 * 86_400_000;

function passwords({ principals, at }: ReportFacts): Judgement {
  const credentials = principals.flatMap(({ name, credentials: all }) =>
    all
      .filter(({ revokedAt, notAfter }) => revokedAt === undefined && notAfter > at)
      .map((credential) => ({ name, ...credential })),
  );
  return {
    shows: 'bearer tokens are 256 random bits, kept as hashes, and end',
    evidence:
      credentials.length === 0
        ? [item('bearer tokens that count', 'credentials', '0', at)]
        : credentials.map(({ id, name, createdAt, notAfter }) =>
            item(
              `bearer token of ${name}`,
              `credential ${id}`,
              `until ${notAfter.toISOString()}`,
              createdAt,
            ),
          ),
    problems: credentials
      .filter(
        ({ createdAt, notAfter }) => notAfter.getTime() - createdAt.getTime() > longestCredential,
      )
      .map(({ id, name }) => `credential ${id} of ${name} lasts longer than a year`),
    ...(credentials.length === 0
      ? { notApplicable: 'no password or bearer token counts now; people use client certificates' }
      : {}),
  };
}

function keyRegistration(facts: ReportFacts): Judgement {
  const keys = activeKeys(facts).filter(({ record }) =>
    ['ca', 'ocspResponder', 'httpsServer'].includes(record.type),
  );
  return together('every active key is tied to its owner by a certificate in the inventory', [
    {
      evidence: keys.flatMap((key) => {
        const [certificate] = key.certificates;
        return certificate === undefined
          ? []
          : [item('certificate', placeOf(key), certificate.reference, certificate.notBefore)];
      }),
      problems: keys
        .filter(({ certificates }) => certificates.length === 0)
        .map((key) => `${nameOf(key)} is active and no certificate in the inventory is for it`),
    },
  ]);
}
