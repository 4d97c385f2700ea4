import type { KeyState } from '../../domain/index.ts';
import type { KeyFacts, ReportFacts } from './facts.ts';
import {
  type Check,
  item,
  type Judgement,
  nameOf,
  placeOf,
  recurring,
  rfc3339,
  together,
  tokenRoles,
} from './judgement.ts';
import { restoreDrill } from './operation-checks.ts';
import type { Reference } from './references.ts';
import { auditSample, backups, held, lastBackup, reconciled } from './sightings.ts';

/** Clause 9: access, inventories, accountability, audit, survival. */
export const accountabilityChecks: Partial<Record<Reference, Check>> = {
  '9.1': accessControl,
  '9.2.1': keyInventory,
  '9.2.2': certificateInventory,
  '9.3': accountability,
  '9.4': audit,
  '9.5.1': backedUp,
  '9.5.2': recovery,
  '9.5.3.1': redundancy,
  '9.5.3.2': cryptographicRecovery,
  '9.5.4': compromiseRecovery,
};

const keyActs = ['keys:manage', 'keys:destroy', 'compromise:declare'];

function accessControl(facts: ReportFacts): Judgement {
  const people = facts.principals.filter(({ disabledAt }) => disabledAt === undefined);
  const auditors = people.filter(({ role }) => role === 'auditor');
  const administrators = people.filter(({ role }) => role === 'administrator');
  const holders = new Set(
    facts.custodians
      .filter(({ until }) => until === undefined || until > facts.at)
      .map(({ person }) => person.toLowerCase()),
  );
  const wide = Object.entries(facts.roles).filter(
    ([role, permissions]) =>
      !['administrator', 'system'].includes(role) &&
      permissions.some((permission) => keyActs.includes(permission)),
  );
  return {
    shows:
      'key acts need a role that auditors and operators lack, and nobody both holds a PIN and audits',
    evidence: [
      ...keyActs.map((permission) =>
        item(
          `roles with ${permission}`,
          'roles',
          Object.keys(facts.roles)
            .filter((role) => facts.roles[role]?.includes(permission))
            .sort()
            .join(', '),
        ),
      ),
      ...auditors.map(({ name, createdAt }) =>
        item('auditor', `principal ${name}`, undefined, createdAt),
      ),
      item('administrators', 'principals', String(administrators.length)),
    ],
    problems: [
      ...wide.map(([role]) => `the role ${role} may act on keys`),
      ...(auditors.length === 0
        ? ['there is no auditor: `chancery principal create NAME --role auditor`']
        : []),
      ...auditors
        .filter(({ name }) => holders.has(name.toLowerCase()))
        .map(({ name }) => `${name} holds a PIN and audits: separate the two`),
    ],
    later: 'dual control: approvals that are asked for and given within Chancery',
  };
}

function keyInventory(facts: ReportFacts): Judgement {
  const roles = new Set(facts.keys.map(({ record }) => record.tokenRole));
  return together('the key inventory agrees with the tokens', [
    {
      evidence: [...roles]
        .sort()
        .map((role) =>
          item(
            `keys in ${role}`,
            'key inventory',
            String(facts.keys.filter(({ record }) => record.tokenRole === role).length),
            facts.at,
          ),
        ),
      problems: facts.keys.length === 0 ? ['the key inventory is empty'] : [],
    },
    reconciled(facts),
  ]);
}

function certificateInventory(facts: ReportFacts): Judgement {
  const issuers = facts.issuers.filter(({ certificate }) => certificate !== undefined);
  const known = new Set(
    facts.keys
      .filter(({ certificates }) => certificates.length > 0)
      .map(({ record }) => record.keyId),
  );
  return {
    shows: 'certificates are recorded with their keys’ hashes, those of the CAs among them',
    evidence: [
      item(
        `${facts.certificates.looked} newest certificates looked at`,
        'certificate inventory',
        undefined,
        facts.certificates.newest,
      ),
      ...issuers.map(({ name, keyId }) =>
        item(
          `certificate of issuer ${name}`,
          `key ${keyId}`,
          known.has(keyId) ? 'recorded' : 'missing',
        ),
      ),
    ],
    problems: issuers
      .filter(({ keyId, kind }) => kind !== 'external' && !known.has(keyId))
      .map(({ name }) => `the certificate of issuer ${name} is not in the inventory`),
    later: 'comparison with certificates that are discovered in the network',
  };
}

/** The acts that lead to a state, as the audit log names them. */
const actsOf: Readonly<Partial<Record<KeyState, readonly string[]>>> = {
  active: ['key.activate', 'key.resume'],
  suspended: ['key.suspend'],
  deactivated: ['key.deactivate'],
  compromised: ['key.compromised'],
  destroyed: ['key.destroy'],
};
/** Step and audit record are of one transaction, each with its own look at the clock; milliseconds. */
const apart = 10_000;

/** Steps after the generation of which the audit log says nothing. */
function unaudited({ record, transitions, audited }: KeyFacts): readonly string[] {
  return transitions
    .filter(
      ({ number, half, reason }) =>
        number !== 1 && half === 'private' && !reason.startsWith(beforeTheInventory),
    )
    .filter(
      (step) =>
        !audited.some(
          ({ act, at }) =>
            actsOf[step.to]?.includes(act) === true &&
            Math.abs(at.getTime() - step.at.getTime()) <= apart,
        ),
    )
    .map(
      ({ to, at }) =>
        `the audit log does not have that key ${record.label} (${record.keyId.slice(0, 12)}) became ${to} at ${rfc3339(at)}`,
    );
}

/** Steps that a migration wrote for keys of an older version, whose acts were audited otherwise. */
const beforeTheInventory = 'recorded when the key inventory was introduced';

function accountability(facts: ReportFacts): Judgement {
  const live = facts.keys.filter(
    ({ record }) => record.privateState !== 'destroyed' && record.tokenRole !== 'software',
  );
  return {
    shows: 'each key has somebody who holds it, and each of its steps is audited',
    evidence: [
      ...facts.custodians.map(({ id, person, duty, tokenRole, since, until }) =>
        item(
          `${person}: ${duty}`,
          `custodian ${id}`,
          `${tokenRole}${until === undefined ? '' : `, until ${until.toISOString()}`}`,
          since,
        ),
      ),
      ...facts.keys.map((key) =>
        item('audit records', placeOf(key), String(key.audited.length), key.audited.at(-1)?.at),
      ),
    ],
    problems: [
      ...live
        .filter((key) => !held(facts, key))
        .map(
          (key) => `nobody is on record as holding ${nameOf(key)}: \`chancery key custodian add\``,
        ),
      ...facts.keys.flatMap(unaudited),
    ],
  };
}

function audit(facts: ReportFacts): Judgement {
  const { reviews } = facts.periods;
  return {
    ...together(
      'the records looked at are whole; the log and the practice statement were reviewed',
      [
        auditSample(facts),
        recurring(facts, {
          kind: 'audit.review',
          within: reviews,
          what: 'review of the audit log',
          mend: 'an auditor reviews it and records that with `chancery evidence record audit.review`',
        }),
        recurring(facts, {
          kind: 'practice.review',
          within: reviews,
          what: 'review of the practice statement',
          mend: 'review it and say so: `chancery report practice-statement --reviewed-by NAME`',
        }),
      ],
    ),
    later: 'a log that proves itself to outsiders (Merkle log), and its export to a SIEM',
  };
}

function backedUp(facts: ReportFacts): Judgement {
  return {
    ...together('CA keys have copies and the last backup is recent; nothing is archived', [
      backups(facts),
      lastBackup(facts),
    ]),
    later: 'an archive for encryption keys, and backups that Chancery encrypts and checks itself',
  };
}

function recovery(facts: ReportFacts): Judgement {
  return together('a restore with its keys was tried', [restoreDrill(facts)]);
}

function redundancy(facts: ReportFacts): Judgement {
  const nodes = [...new Set(facts.usage.map(({ node }) => node))].sort();
  return together('several nodes sign, and the change to the second token was tried', [
    {
      evidence: nodes.map((node) => item('node that signed', 'signature counts', node)),
      problems:
        nodes.length < 2
          ? [
              `${nodes.length === 0 ? 'no node' : 'only one node'} has signed: add another (docs/operations/nodes.md)`,
            ]
          : [],
    },
    failoverDrill(facts),
  ]);
}

function failoverDrill(facts: ReportFacts): Pick<Judgement, 'evidence' | 'problems'> {
  return recurring(facts, {
    kind: 'drill.failover',
    within: facts.periods.drills,
    what: 'drill of the change to a second token',
    mend: 'hold one (docs/hsm.md)',
  });
}

function cryptographicRecovery(facts: ReportFacts): Judgement {
  const roles = tokenRoles(facts);
  return together('the loss of a token and of the records was rehearsed', [
    failoverDrill(facts),
    restoreDrill(facts),
    {
      evidence: roles.map((role) => item('token in use', `token ${role}`)),
      problems: [],
    },
  ]);
}

function compromiseRecovery(facts: ReportFacts): Judgement {
  const incidents = facts.evidence.filter(({ kind }) => kind === 'incident.report');
  return together('the recovery from a compromised key was rehearsed', [
    recurring(facts, {
      kind: 'drill.compromise',
      within: facts.periods.drills,
      what: 'drill of a compromise',
      mend: 'rehearse `chancery compromise` and record it with `chancery evidence record drill.compromise`',
    }),
    {
      evidence: incidents.map(({ id, subject, at, by }) =>
        item(`report of incident ${subject}`, `evidence ${id}`, `by ${by}`, at),
      ),
      problems: [],
    },
  ]);
}
