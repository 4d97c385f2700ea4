import { type KeyId, type Principal, systemPrincipal } from '../domain/index.ts';
import type { KeyRecord, TokenIdentity, TokenObject } from '../keys/index.ts';
import { act, recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import type { KeyDestructions } from './key-destruction.ts';
import { sameBytes } from './octets.ts';

/** One disagreement between a token and the inventory. */
export interface ReconciliationFinding {
  readonly kind: 'missing' | 'unknown' | 'changed';
  readonly keyId: KeyId;
  readonly label: string;
  readonly problem: string;
}

/** What was compared, and what was found. */
export interface Reconciliation {
  readonly token: 'root' | 'issuing';
  readonly identity: TokenIdentity;
  readonly at: Date;
  readonly objects: number;
  readonly keys: number;
  readonly findings: readonly ReconciliationFinding[];
}

type Role = Reconciliation['token'];

/** Compares the objects in the tokens with the inventory (SP 800-57 Part 1 §8.2.1, §9.2.1). */
export function keyReconciliation(context: AuthorityContext, destructions: KeyDestructions) {
  const { dependencies } = context;
  const { unitOfWork, tokens, tenant, clock } = dependencies;

  const reconcile = async (principal: Principal, role: Role): Promise<Reconciliation> => {
    // The token comes first: a key that is recorded meanwhile is then in the list that is read after it.
    const identity = await tokens[role].identity();
    const objects = await tokens[role].objects();
    const records = (await unitOfWork.read(async ({ keys }) => keys.list(tenant))).filter(
      ({ tokenRole }) => tokenRole === role,
    );
    const again = new Set((await tokens[role].objects()).map(({ keyId }) => keyId));
    const known = new Set(
      (await unitOfWork.read(async ({ keys }) => keys.list(tenant)))
        .filter(({ privateState }) => privateState !== 'destroyed')
        .map(({ keyId }) => keyId),
    );
    const findings = compare(records, objects).filter(
      // It was being made, or destroyed, while we looked.
      ({ kind, keyId }) =>
        kind === 'missing'
          ? !again.has(keyId)
          : kind === 'changed' ||
            (again.has(keyId === '' ? undefined : keyId) && !known.has(keyId)),
    );
    const result: Reconciliation = {
      ...{ token: role, identity, at: clock.now(), findings },
      objects: objects.length,
      keys: records.filter(({ privateState }) => privateState !== 'destroyed').length,
    };
    await unitOfWork.run(async (transaction) => {
      await transaction.evidence.append(tenant, {
        kind: 'key.reconciliation',
        subject: role,
        at: result.at,
        by: principal.name,
        document: { ...result, at: result.at.toISOString() },
      });
      await recordDone(dependencies, transaction, principal, {
        act: 'key.reconcile',
        object: role,
        details: { objects: result.objects, keys: result.keys, findings },
      });
    });
    return result;
  };

  const finishAndReconcile = async (
    principal: Principal,
    roles: readonly Role[],
  ): Promise<readonly Reconciliation[]> => {
    await destructions.finishBegun(roles);
    const done: Reconciliation[] = [];
    for (const role of roles) done.push(await reconcile(principal, role));
    return done;
  };

  return {
    useCases: {
      /** Now, by hand; the root's token is opened only when it is named. */
      async reconcileKeys(
        principal: Principal,
        roles: readonly Role[],
      ): Promise<readonly Reconciliation[]> {
        const described = { act: 'key.reconcile', object: roles.join(' ') };
        return act(dependencies, principal, 'keys:manage', described, async () =>
          finishAndReconcile(principal, roles),
        );
      },
    },

    /** By the schedule. */
    turn: async (roles: readonly Role[]): Promise<void> => {
      await finishAndReconcile(systemPrincipal, roles);
    },
  };
}

/** Pure. Objects that are no keys are not ours to judge; a self-test key may have no record yet. */
function compare(
  records: readonly KeyRecord[],
  objects: readonly TokenObject[],
): readonly ReconciliationFinding[] {
  const findings: ReconciliationFinding[] = [];
  const byId = new Map(records.map((record) => [record.keyId, record]));
  for (const record of records) {
    const own = objects.filter(({ keyId }) => keyId === record.keyId);
    const found = (kind: ReconciliationFinding['kind'], problem: string): void => {
      findings.push({ kind, keyId: record.keyId, label: record.label, problem });
    };
    const hidden = own.find((object) => object.class === 'privateKey');
    if (record.privateState === 'destroyed') {
      if (own.length > 0) {
        found('unknown', `${record.label} is destroyed, but objects of it are in the token`);
      }
    } else if (hidden === undefined) {
      found('missing', `the private key of ${record.label} (${record.privateState}) is not there`);
    } else {
      const changes = changesOf(record, own);
      if (changes.length > 0) found('changed', `${record.label}: ${changes.join('; ')}`);
    }
  }
  for (const object of objects) {
    const isKey = ['privateKey', 'publicKey', 'secretKey'].includes(object.class);
    if (!isKey || (object.keyId !== undefined && byId.has(object.keyId))) continue;
    if (isSelfTest(object)) continue;
    const keyId = object.keyId ?? '';
    if (findings.some((one) => one.keyId === keyId && one.kind === 'unknown')) continue;
    findings.push({
      kind: 'unknown',
      ...{ keyId, label: object.label },
      problem: `a ${object.class} labelled ${JSON.stringify(object.label)} is in no record`,
    });
  }
  return findings;
}

/** The label by which the signer process knows a token's own self-test key. */
function isSelfTest({ label }: TokenObject): boolean {
  return label === 'self-test';
}

function changesOf(record: KeyRecord, own: readonly TokenObject[]): readonly string[] {
  const changes: string[] = [];
  for (const { subjectPublicKeyInfo } of own) {
    if (
      subjectPublicKeyInfo !== undefined &&
      !sameBytes(subjectPublicKeyInfo, record.subjectPublicKeyInfo)
    ) {
      changes.push('another public key');
      break;
    }
  }
  const attributes = own.find((object) => object.class === 'privateKey')?.attributes;
  for (const [name, value] of Object.entries(attributes ?? {})) {
    const recorded = record.attributes[name as keyof KeyRecord['attributes']];
    if (recorded !== value) changes.push(`${name} is ${value}, was ${recorded}`);
  }
  return changes;
}
