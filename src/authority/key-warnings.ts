import type { KeyId, TenantId } from '../domain/index.ts';
import {
  type KeyRecord,
  type KeyUsageCount,
  type KeyWarning,
  moduleStanding,
  periodWarnings,
  strengthOf,
} from '../keys/index.ts';
import { ceremonyWarnings } from './ceremony-due.ts';
import { type AuthorityDependencies, keySettings } from './dependencies.ts';
import { crlsUntil } from './key-reading.ts';
import { lastReconciliation, responderTokenSubject } from './key-reconciliation.ts';
import { isOvertaken } from './key-standing.ts';
import type { Transaction } from './ports.ts';

/** The warnings of this node's last look; each is said once as an alarm when it comes up. */
export interface KeyWarnings {
  /** Looks at every key, and at what the last comparisons with the tokens found. */
  look(): Promise<void>;
  of(keyId: KeyId): readonly KeyWarning[];
  all(): readonly KeyWarning[];
}

export function keyWarnings(
  dependencies: Pick<AuthorityDependencies, 'unitOfWork' | 'tenant' | 'clock' | 'log' | 'settings'>,
): KeyWarnings {
  const { unitOfWork, tenant, clock, log } = dependencies;
  let present: readonly KeyWarning[] = [];

  const ofKey = async (
    transaction: Transaction,
    record: KeyRecord,
    usage: readonly KeyUsageCount[],
  ): Promise<readonly KeyWarning[]> => {
    const { keyId, label, type, privateState } = record;
    if (privateState === 'destroyed') return [];
    const { cryptoperiods } = keySettings(dependencies);
    const now = clock.now();
    const warnings = [
      ...periodWarnings(record, cryptoperiods[type], signaturesOf(usage, keyId), now),
      ...strengthWarning(record),
    ];
    if (type === 'ca' && privateState === 'suspended' && record.issuerId !== undefined) {
      const due = crlsUntil(await transaction.crls.shardStates(tenant, record.issuerId));
      warnings.push({
        kind: 'crlRunsOut',
        keyId,
        message: `${label} is suspended and signs no CRLs; the last ones run out at ${due?.toISOString() ?? 'no time: there are none'}`,
        due,
      });
    }
    return warnings;
  };

  return {
    of: (keyId) => present.filter((warning) => warning.keyId === keyId),
    all: () => present,
    async look() {
      const now = await unitOfWork.read(async (transaction) => {
        const usage = await transaction.keys.usage(tenant);
        const warnings: KeyWarning[] = [];
        const records = await transaction.keys.list(tenant);
        for (const record of records) {
          warnings.push(...(await ofKey(transaction, record, usage)));
          warnings.push(...notValidated(dependencies, record));
        }
        return [
          ...warnings,
          ...(await ofTokens(transaction, tenant, records)),
          ...(await unfinished(transaction, tenant, clock.now())),
          ...(await ceremonyWarnings(dependencies, transaction)),
        ];
      });
      const known = new Set(present.map(nameOf));
      present = now;
      for (const warning of now.filter((one) => !known.has(nameOf(one)))) {
        log('alarm', warning.message, {
          warning: warning.kind,
          keyId: warning.keyId,
          due: warning.due,
        });
      }
    },
  };
}

/** What the last comparison of each token found, whichever node made it. */
async function ofTokens(
  transaction: Transaction,
  tenant: TenantId,
  records: readonly KeyRecord[],
): Promise<readonly KeyWarning[]> {
  const warnings: KeyWarning[] = [];
  const responders = records
    .filter(
      ({ tokenRole, privateState }) => tokenRole === 'responder' && privateState !== 'destroyed',
    )
    .map(({ owner }) => responderTokenSubject(owner));
  for (const token of ['root', 'issuing', ...new Set(responders)]) {
    const last = await lastReconciliation(transaction, tenant, token);
    for (const { kind, keyId, problem } of last?.findings ?? []) {
      warnings.push({
        kind: 'tokenObject',
        keyId: String(keyId),
        message: `${token} token: ${String(kind)}: ${String(problem)}`,
      });
    }
  }
  return warnings;
}

/** Asked for this long ago, a destruction should be done. */
const destructionMilliseconds = 60_000;

async function unfinished(
  transaction: Transaction,
  tenant: TenantId,
  now: Date,
): Promise<readonly KeyWarning[]> {
  const query = { kind: 'key.destructionIntent', limit: 200 };
  const warnings: KeyWarning[] = [];
  for (const { subject, by, at } of await transaction.evidence.list(tenant, query)) {
    const key = await transaction.keys.find(tenant, subject);
    if (key === undefined || key.privateState === 'destroyed') continue;
    if (now.getTime() - at.getTime() < destructionMilliseconds) continue;
    if (isOvertaken(await transaction.keys.transitions(tenant, subject), at)) continue;
    warnings.push({
      kind: 'destructionUnfinished',
      keyId: subject,
      message: `the destruction of ${key.label}, asked for by ${by}, is not finished; \`chancery key reconcile --token ${key.tokenRole}\` finishes it`,
    });
  }
  return warnings;
}

function nameOf({ kind, keyId, message }: KeyWarning): string {
  // Of an absent issuer several things may end, of a token several objects differ: each is said once.
  return kind === 'ceremonyDue' || kind === 'tokenObject'
    ? `${kind}/${message}`
    : `${kind}/${keyId}`;
}

function signaturesOf(usage: readonly KeyUsageCount[], keyId: KeyId): number {
  return usage
    .filter((count) => count.keyId === keyId)
    .reduce((sum, { signatures }) => sum + signatures, 0);
}

/** Its period reaches beyond the end of its strength (§5.6.3). */
function strengthWarning(record: KeyRecord): readonly KeyWarning[] {
  const { end, bits } = strengthOf(record.keyAlgorithm, record.algorithm);
  const until = record.cryptoperiod.originatorUsageEnd ?? record.cryptoperiod.recipientUsageEnd;
  if (end === undefined || until === undefined || until <= end) return [];
  return [
    {
      kind: 'strength',
      keyId: record.keyId,
      message: `${record.label} (${record.keyAlgorithm}, ${bits} bits of security) may not sign from ${end.toISOString()} on, before its period ends`,
      due: end,
    },
  ];
}

function notValidated(
  dependencies: Pick<AuthorityDependencies, 'settings'>,
  record: KeyRecord,
): readonly KeyWarning[] {
  const { requireValidatedModule, validations } = keySettings(dependencies);
  if (
    !requireValidatedModule ||
    record.tokenRole === 'software' ||
    record.privateState === 'destroyed'
  ) {
    return [];
  }
  const { validated, text } = moduleStanding(record.token, validations[record.tokenRole]);
  return validated
    ? []
    : [
        {
          kind: 'notValidated',
          keyId: record.keyId,
          message: `${record.label} is in the token ${record.token.label}: ${text}, though keys.requireValidatedModule is set`,
        },
      ];
}
