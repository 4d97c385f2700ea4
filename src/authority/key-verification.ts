import { type KeyHalf, keyTransitionNumber } from '../domain/index.ts';
import type { KeyRecord, StoredKeyTransition } from '../keys/index.ts';
import type { IssuerRecord, Transaction, UnitOfWork } from './ports.ts';
import type { Report } from './verified-crls.ts';

/** Migration 0009 wrote these for keys that were in use before: no act is behind them. */
const recordedByMigration = 'recorded when the key inventory was introduced';

/** Acts that leave steps behind, as the audit log names them. */
const stepping: ReadonlySet<string> = new Set([
  ...['key.activate', 'key.suspend', 'key.resume', 'key.deactivate'],
  ...['key.compromised', 'key.destroy'],
]);

/**
 * Every key: its states are where its transitions lead, each of them one of SP 800-57's and behind each
 * an audit record; what is destroyed has its evidence; issuers that are in use have a key that is.
 *
 * @returns how many keys there are
 */
export async function verifyKeys(
  unitOfWork: Pick<UnitOfWork, 'read'>,
  tenant: string,
  report: Report,
): Promise<number> {
  return unitOfWork.read(async (transaction) => {
    const keys = await transaction.keys.list(tenant);
    for (const key of keys) {
      const steps = await transaction.keys.transitions(tenant, key.keyId);
      checkSteps(key, steps, report);
      await checkRecords(transaction, key, steps, report);
    }
    for (const issuer of await transaction.issuers.list(tenant)) {
      checkIssuerKey(
        issuer,
        keys.find(({ keyId }) => keyId === issuer.keyId),
        report,
      );
    }
    return keys.length;
  });
}

function checkSteps(key: KeyRecord, steps: readonly StoredKeyTransition[], report: Report): void {
  const object = `key ${key.keyId}`;
  for (const half of ['private', 'public'] as const satisfies readonly KeyHalf[]) {
    let stands: StoredKeyTransition['from'];
    for (const step of steps.filter((one) => one.half === half)) {
      if (step.from !== stands || keyTransitionNumber(step.from, step.to) !== step.number) {
        report(
          object,
          `step ${step.id} of its ${half} half (${step.number}: ${step.from ?? 'nothing'} to ${step.to}) is none from ${stands ?? 'nothing'}`,
        );
      }
      stands = step.to;
    }
    const recorded = half === 'private' ? key.privateState : key.publicState;
    if (stands !== recorded) {
      report(object, `its ${half} half is ${recorded}; its steps lead to ${stands ?? 'nothing'}`);
    }
  }
  const activated = steps.find(({ half, to }) => half === 'private' && to === 'active');
  if (activated?.at.getTime() !== key.cryptoperiod.activatedAt?.getTime()) {
    report(object, 'the time of its activation is not that of the step');
  }
}

async function checkRecords(
  transaction: Transaction,
  key: KeyRecord,
  steps: readonly StoredKeyTransition[],
  report: Report,
): Promise<void> {
  const object = `key ${key.keyId}`;
  const { tenant, keyId } = key;
  // An act moves the private half, or both; the public one alone when its compromise is found out late.
  const acts = steps.filter(
    ({ half, number, reason }, index) =>
      number !== 1 &&
      reason !== recordedByMigration &&
      (half === 'private' || privateIsGone(steps.slice(0, index))),
  ).length;
  const records = await transaction.audit.list({ tenant, object: keyId, limit: 10_000 });
  const done = records.filter(({ act, outcome }) => outcome === 'done' && stepping.has(act));
  if (acts !== done.length) {
    report(object, `has ${acts} acts in its history, the audit log tells of ${done.length}`);
  }
  if (key.privateState === 'destroyed') {
    const evidence = await transaction.evidence.list(tenant, {
      ...{ kind: 'key.destruction', subject: keyId, limit: 1 },
    });
    if (evidence.length === 0) report(object, 'is destroyed, but there is no evidence of it');
  }
}

/** Before the act to which the next step belongs; the private half's step of an act comes first. */
function privateIsGone(before: readonly StoredKeyTransition[]): boolean {
  const hidden = before.findLast(({ half }) => half === 'private');
  const last = before.at(-1);
  return hidden?.to === 'destroyed' && last !== hidden;
}

function checkIssuerKey(
  { issuerId, name, state, standing }: IssuerRecord,
  key: KeyRecord | undefined,
  report: Report,
): void {
  if (key === undefined) {
    report(issuerId, `issuer ${name} has no key record`);
    return;
  }
  const inUse = state === 'active' && (standing === 'issuing' || standing === 'retiring');
  const gone = ['pre-activation', 'deactivated', 'destroyed'];
  // A compromised key may be destroyed while its issuer still stands: what it signed is revoked elsewhere.
  const wasCompromised = key.privateState === 'destroyed' && key.publicState === 'compromised';
  if (inUse && gone.includes(key.privateState) && !wasCompromised) {
    report(issuerId, `issuer ${name} is ${standing}, but its key is ${key.privateState}`);
  }
}
