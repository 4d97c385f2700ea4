import { type PrincipalRecord, permissionsOf } from '../access/index.ts';
import type { KeyState, Permission } from '../domain/index.ts';
import type {
  KeyCustodian,
  KeyRecord,
  KeyType,
  ModuleStanding,
  StoredKeyTransition,
} from '../keys/index.ts';

/** Who could use a key and who could have seen it in the clear, at one time (SP 800-57 Part 1 §9.3). */
export interface KeyAccess {
  readonly at: Date;
  /** Of the private half, at that time; undefined before it was made. */
  readonly privateState: KeyState | undefined;
  /** Whether it could be used at all: active then. */
  readonly usable: boolean;
  readonly custodians: readonly KeyCustodian[];
  readonly principals: readonly {
    readonly name: string;
    readonly role: string;
    /** Permissions of theirs with which the system signs with this key. */
    readonly permissions: readonly Permission[];
    readonly since: Date;
    readonly until?: Date | undefined;
  }[];
  /** Who else has it used, without a person: schedules, responders. */
  readonly processes: readonly string[];
  readonly inTheClear: {
    readonly possible: boolean;
    readonly reason: string;
    /** Those who could have by that time, where names are known: who held it before as well. */
    readonly persons: readonly string[];
  };
}

/** With which permissions the system signs with a key of that type on somebody's behalf. */
const signingPermissions: Readonly<Partial<Record<KeyType, readonly Permission[]>>> = {
  ca: [
    ...(['certificates:issue', 'certificates:renew', 'certificates:revoke'] as const),
    ...(['certificates:hold', 'certificates:release', 'crls:publish'] as const),
    ...(['issuers:create', 'responders:enrol', 'compromise:declare', 'incidents:manage'] as const),
  ],
  ocspResponder: ['responders:enrol'],
  transcript: ['issuers:create', 'keys:manage'],
};

const processes: Readonly<Partial<Record<KeyType, readonly string[]>>> = {
  ca: [
    'the CA process by schedule: CRLs, ends of holds, the HTTPS certificate',
    'ACME accounts, by their orders',
  ],
  ocspResponder: ['the responder, for anybody who asks for a status'],
  httpsServer: ['the CA process, in every TLS handshake'],
  selfTest: ['the process that opened the token, to prove that it signs'],
};

/** Duties whose holder could take a copy of a key that a software module keeps. */
const couldCopy = /pin|module|machine|backup/i;

/** Pure: from what is on record. */
export function keyAccess(
  record: KeyRecord,
  at: Date,
  known: {
    readonly transitions: readonly StoredKeyTransition[];
    readonly custodians: readonly KeyCustodian[];
    readonly principals: readonly PrincipalRecord[];
    readonly module: ModuleStanding;
  },
): KeyAccess {
  const privateState = known.transitions.findLast(
    (step) => step.half === 'private' && step.at <= at,
  )?.to;
  const holders = known.custodians.filter(
    (one) =>
      one.tokenRole === record.tokenRole &&
      (one.keyId === undefined || one.keyId === record.keyId) &&
      one.since <= at &&
      (one.until === undefined || one.until > record.createdAt),
  );
  const needed = signingPermissions[record.type] ?? [];
  const principals = known.principals
    .filter(
      ({ createdAt, disabledAt }) =>
        createdAt <= at && (disabledAt === undefined || disabledAt > at),
    )
    .map(({ name, role, createdAt, disabledAt }) => {
      const held = permissionsOf(role);
      return {
        ...{ name, role, since: createdAt, until: disabledAt },
        permissions: needed.filter((permission) => held.has(permission)),
      };
    })
    .filter(({ permissions }) => permissions.length > 0);
  return {
    ...{ at, privateState, principals },
    custodians: holders.filter(({ until }) => until === undefined || until > at),
    usable: privateState === 'active',
    processes: processes[record.type] ?? [],
    // A copy that was made stays: whoever held it at any time until then could have seen it.
    inTheClear: inTheClear(record, at, known.transitions, holders, known.module),
  };
}

function inTheClear(
  record: KeyRecord,
  at: Date,
  transitions: readonly StoredKeyTransition[],
  custodians: readonly KeyCustodian[],
  module: ModuleStanding,
): KeyAccess['inTheClear'] {
  if (record.origin === 'generated' && at < record.createdAt) {
    return { possible: false, reason: 'it was not made yet', persons: [] };
  }
  const holderText = ({ person, duty, until }: KeyCustodian): string =>
    `${person} (${duty}${until === undefined || until > at ? '' : `, until ${until.toISOString()}`})`;
  const holders = custodians.map(holderText);
  if (record.tokenRole === 'software') {
    return {
      possible: true,
      reason: `it is a file of the process${record.node === undefined ? '' : ` on ${record.node}`}, mode 0600: whoever can act as the process's user, or as root, on that machine`,
      persons: holders,
    };
  }
  const { sensitive, alwaysSensitive, extractable, neverExtractable, local } = record.attributes;
  const attributes = `CKA_LOCAL ${local}, CKA_SENSITIVE ${sensitive}, CKA_ALWAYS_SENSITIVE ${alwaysSensitive}, CKA_EXTRACTABLE ${extractable}, CKA_NEVER_EXTRACTABLE ${neverExtractable}`;
  const before = transitions[0]?.details?.['previously'];
  if (record.origin === 'adopted' && !(local && alwaysSensitive && neverExtractable)) {
    return {
      possible: true,
      reason: `it was not made in this token as it is (${attributes}); before its adoption it was ${typeof before === 'string' ? before : 'elsewhere, nothing is recorded of where'}`,
      persons: holders,
    };
  }
  if (!record.token.hardware) {
    return {
      possible: true,
      reason: `never through the token (${attributes}); but the module is ${module.text}: whoever reads the token's files and knows its PIN can copy it`,
      persons: custodians.filter(({ duty }) => couldCopy.test(duty)).map(holderText),
    };
  }
  return {
    possible: false,
    reason: `it was made in the token and has never left it: ${attributes}`,
    persons: [],
  };
}
