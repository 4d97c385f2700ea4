import type { KeyFacts, ReportFacts } from './facts.ts';
import { days, newestOf, rfc3339 } from './judgement.ts';
import type { PracticeSection, PracticeTable } from './practice-statement.ts';

/** What the statement says, topic by topic; no date of its making, so that two of them can be compared. */
export function practiceSections(facts: ReportFacts): readonly PracticeSection[] {
  return [
    policySection(facts),
    entities(facts),
    generation(facts),
    section('Key agreement', [
      'No key of the inventory agrees on others. Session keys are made by TLS 1.2 and 1.3 for each connection and not kept.',
    ]),
    section('Agreements between key-processing facilities', [
      'Certificates of CAs elsewhere are installed, cross-certified or imported by an act that is audited; no private or secret key is exchanged with another facility.',
    ]),
    structures(facts),
    cryptoperiods(facts),
    accountability(facts),
    protection(facts),
    destruction(facts),
    recovery(facts),
    compromise(facts),
    section('Consequences of violations', [
      'The signer process refuses what a key’s record does not allow, and the refusal is kept in the audit log. What follows for people is the organisation’s to lay down beside this statement.',
    ]),
  ];
}

function section(
  title: string,
  paragraphs: readonly string[],
  ...tables: readonly PracticeTable[]
): PracticeSection {
  return { title, paragraphs, tables: tables.filter(({ rows }) => rows.length > 0) };
}

function table(
  headings: readonly string[],
  rows: readonly (readonly (string | undefined)[])[],
): PracticeTable {
  return { headings, rows: rows.map((row) => row.map((cell) => cell ?? '')) };
}

function policySection({ settings, periods }: ReportFacts): PracticeSection {
  return section(
    'Policy that this statement carries out',
    [
      'Keys are managed as SP 800-57 Part 1 Rev. 5 asks; `chancery report sp800-57` answers its clauses. The settings below stand in the configuration.',
    ],
    table(
      ['setting', 'value'],
      [
        ...Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1)),
        ['report of SP 800-57', `every ${days(periods.report)}`],
        [
          'comparison of a token with the records',
          `not older than ${days(periods.reconciliation)}`,
        ],
        ['of the root token', `not older than ${days(periods.rootReconciliation)}`],
        ['drills', `every ${days(periods.drills)}`],
        ['backups', `every ${days(periods.backups)}`],
        ['reviews', `every ${days(periods.reviews)}`],
      ],
    ),
  );
}

/** What each role does in key management. */
const functions: Readonly<Record<string, string>> = {
  administrator: 'makes issuers, keys and principals; acts on keys; declares compromises',
  operator: 'issues, holds and revokes certificates; runs incidents',
  auditor: 'reads records and reports, reviews the audit log; changes nothing',
  subscriber: 'owns the keys that its certificates are for; enrols and renews',
  responder: 'answers OCSP with delegate keys of its own',
};

function entities(facts: ReportFacts): PracticeSection {
  const present = facts.principals.filter(({ disabledAt }) => disabledAt === undefined);
  const custodians = facts.custodians.filter(
    ({ until }) => until === undefined || until > facts.at,
  );
  return section(
    'Responsible entities',
    [
      'Functions and who holds them now. Roles decide what somebody may ask for; custodians can use a token or a key outside of Chancery as well.',
      ...(custodians.length === 0 ? ['No custodian is on record.'] : []),
    ],
    table(
      ['function', 'role', 'held by'],
      Object.entries(functions).map(([role, duty]) => [
        duty,
        role,
        present
          .filter((one) => one.role === role)
          .map(({ name }) => name)
          .sort()
          .join(', ') || 'nobody',
      ]),
    ),
    table(
      ['custodian', 'duty', 'of', 'since'],
      custodians.map(({ person, duty, tokenRole, keyId, since }) => [
        person,
        duty,
        keyId === undefined ? `token ${tokenRole}` : `key ${keyId}`,
        rfc3339(since),
      ]),
    ),
  );
}

function live({ keys }: ReportFacts): readonly KeyFacts[] {
  return keys.filter(({ record }) => record.privateState !== 'destroyed');
}

function generation(facts: ReportFacts): PracticeSection {
  const ceremonies = facts.evidence.filter(({ kind }) => kind === 'ceremony');
  return section(
    'Key generation and issuance of certificates',
    [
      'Key pairs are made in the token that uses them, or adopted after their attributes passed. A key is in pre-activation until its certificate is valid and its public half was distributed. Certificates are issued after proof of possession, and linted before they are signed.',
    ],
    table(
      ['key', 'type', 'algorithm', 'origin', 'issuer'],
      live(facts).map(({ record }) => [
        record.keyId,
        record.type,
        record.keyAlgorithm,
        record.origin,
        facts.issuers.find(({ issuerId }) => issuerId === record.issuerId)?.name,
      ]),
    ),
    table(
      ['ceremony', 'held', 'led by'],
      ceremonies.map(({ subject, at, by }) => [subject, rfc3339(at), by]),
    ),
  );
}

function structures(facts: ReportFacts): PracticeSection {
  return section(
    'Establishment, suspension and revocation',
    [
      'Certificates are put on hold, released and revoked by an act; CRLs and OCSP tell it. A suspended CA key signs nothing; its parent puts its certificate on hold. A retiring issuer keeps its key for CRLs and delegates until its last certificate has expired.',
    ],
    table(
      ['issuer', 'kind', 'state', 'issuer above', 'CRLs'],
      facts.issuers.map(({ name, kind, state, parentIssuerId, shards }) => [
        name,
        kind,
        state,
        facts.issuers.find(({ issuerId }) => issuerId === parentIssuerId)?.name,
        String(shards.length),
      ]),
    ),
  );
}

function cryptoperiods(facts: ReportFacts): PracticeSection {
  return section(
    'Cryptoperiods',
    [
      'The signer process refuses a key past the end of its originator-usage period or its limit. A period that is longer than the policy’s needs a written reason, which stands here.',
    ],
    table(
      ['key', 'type', 'signs until', 'verified until', 'limit', 'reason of a longer period'],
      live(facts).map(({ record: { keyId, type, cryptoperiod, signatureLimit } }) => [
        keyId,
        type,
        cryptoperiod.originatorUsageEnd && rfc3339(cryptoperiod.originatorUsageEnd),
        cryptoperiod.recipientUsageEnd && rfc3339(cryptoperiod.recipientUsageEnd),
        signatureLimit === undefined ? undefined : String(signatureLimit),
        cryptoperiod.reason,
      ]),
    ),
  );
}

function last(facts: ReportFacts, kind: string): readonly string[] {
  const record = newestOf(facts, kind);
  return record === undefined
    ? [kind, 'never', '', '']
    : [kind, rfc3339(record.at), record.subject, record.by];
}

function accountability(facts: ReportFacts): PracticeSection {
  return section(
    'Tracking of keys and accountability',
    [
      'Every key has a record with each step of its states, who took it, when and why. Tokens are compared with the records on a schedule. Every act and every refusal is in the audit log.',
    ],
    table(
      ['what', 'last', 'of', 'by'],
      [
        last(facts, 'key.reconciliation'),
        last(facts, 'audit.review'),
        last(facts, 'practice.review'),
      ],
    ),
  );
}

function protection(facts: ReportFacts): PracticeSection {
  return section(
    'Protection of keys',
    [
      'Private halves are sensitive and never extractable; their attributes are read back. Software modules such as SoftHSM are validated by nobody and protect keys as files. The key of the HTTPS server is a file of mode 0600 with a certificate of a week at most.',
    ],
    table(
      ['token', 'module', 'firmware', 'hardware', 'validation'],
      facts.tokens.flatMap(({ role, identity, validation }) =>
        identity === undefined
          ? []
          : [
              [
                role,
                `${identity.manufacturer} ${identity.model}`,
                identity.firmwareVersion,
                identity.hardware ? 'yes' : 'no, software',
                validation ?? 'none',
              ],
            ],
      ),
    ),
  );
}

function destruction(facts: ReportFacts): PracticeSection {
  return section(
    'Suspension and destruction',
    [
      'Destroying is a permission of its own. The objects are removed from the token, looked for again, and the finding is kept; the metadata stay for good.',
    ],
    table(
      ['key destroyed', 'seen to be gone', 'by'],
      facts.evidence
        .filter(({ kind }) => kind === 'key.destruction')
        .map(({ subject, at, by }) => [subject, rfc3339(at), by]),
    ),
  );
}

function recovery(facts: ReportFacts): PracticeSection {
  return section(
    'Backup and recovery',
    [
      'Signature keys are copied inside or between tokens only, and never archived. docs/operations/backup.md says what to copy and how to restore.',
    ],
    table(
      ['key', 'copy', 'where'],
      live(facts)
        .filter(({ record }) => record.type === 'ca')
        .map(({ record: { keyId, backup } }) => [
          keyId,
          backup?.kind ?? 'not on record',
          backup === undefined
            ? ''
            : backup.kind === 'none'
              ? backup.reason
              : backup.kind === 'secondToken'
                ? backup.token.label
                : backup.location,
        ]),
    ),
    table(
      ['what', 'last', 'of', 'by'],
      [last(facts, 'backup'), last(facts, 'drill.restore'), last(facts, 'drill.failover')],
    ),
  );
}

function compromise(facts: ReportFacts): PracticeSection {
  return section(
    'Recovery from a compromise',
    [
      'The plan is docs/operations/compromise.md; `chancery compromise` carries it out: what a key signed and for whom, hold or revocation of all, status that says so, renewal by clients, and a report at the end.',
    ],
    table(
      ['what', 'last', 'of', 'by'],
      [last(facts, 'drill.compromise'), last(facts, 'incident.report')],
    ),
  );
}
