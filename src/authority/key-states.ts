import {
  ChanceryError,
  type KeyAct,
  type KeyId,
  nextKeyStates,
  type Principal,
} from '../domain/index.ts';
import {
  cryptoperiodAt,
  type KeyChange,
  type KeyRecord,
  moduleStanding,
  weakness,
} from '../keys/index.ts';
import { parseCertificate } from '../pkix/index.ts';
import { recordDone } from './acts.ts';
import { type AuthorityDependencies, keySettings } from './dependencies.ts';
import type { Transaction } from './ports.ts';

/**
 * One step in a key's life, within the caller's transaction: the record locked, the machine asked, the
 * steps of both halves written with who, when and why, and the audit record (SP 800-57 Part 1 §7).
 * Telling the signer process comes after the commit. With its activation a key gets its period.
 *
 * @returns the record as it was before
 * @throws ChanceryError notFound, illegalTransition, policyViolation (a module without validation)
 */
export async function changeKeyState(
  dependencies: Pick<AuthorityDependencies, 'clock' | 'settings'>,
  transaction: Transaction,
  principal: Principal,
  keyId: KeyId,
  act: KeyAct,
  change: Pick<KeyChange, 'reason' | 'approvals' | 'details'>,
): Promise<KeyRecord> {
  const { tenant } = principal;
  const key = await transaction.keys.findForUpdate(tenant, keyId);
  if (key === undefined) {
    throw new ChanceryError('notFound', {
      message: `there is no key ${keyId} in the inventory; \`chancery key list\` shows them`,
      field: 'key',
    });
  }
  const { halves, steps } = nextKeyStates(
    { private: key.privateState, public: key.publicState },
    act,
    key.type === 'wrapping' ? 'protection' : 'signature',
  );
  const at = dependencies.clock.now();
  if (act === 'activate') requireValidated(dependencies, key);
  await transaction.keys.changeState(tenant, keyId, halves, steps, {
    ...change,
    act,
    at,
    by: principal.name,
  });
  if (act === 'activate') await beginPeriod(dependencies, transaction, key, at);
  await recordDone(dependencies, transaction, principal, {
    act: `key.${act}`,
    object: keyId,
    details: {
      reason: change.reason,
      approvals: change.approvals ?? [],
      transitions: steps.map(({ half, number, from, to }) => ({ half, number, from, to })),
      ...change.details,
    },
  });
  return key;
}

/** @throws ChanceryError policyViolation where validated modules are required and this one is none */
export function requireValidated(
  dependencies: Pick<AuthorityDependencies, 'settings'>,
  { token, tokenRole }: Pick<KeyRecord, 'token' | 'tokenRole'>,
): void {
  const { requireValidatedModule, validations } = keySettings(dependencies);
  const standing = moduleStanding(token, validations[tokenRole]);
  if (requireValidatedModule && tokenRole !== 'software' && !standing.validated) {
    throw new ChanceryError('policyViolation', {
      message: `keys.requireValidatedModule refuses the token ${token.label} (${token.manufacturer} ${token.model}): ${standing.text}; use a token whose CMVP certificate stands in tokens.${tokenRole}.validation`,
      field: 'token',
      clause: 'SP 800-57 Part 1 §6.2.2',
    });
  }
}

/** From its activation a key has a cryptoperiod, if none was set with a reason before (§5.3). */
async function beginPeriod(
  dependencies: Pick<AuthorityDependencies, 'settings'>,
  transaction: Transaction,
  { tenant, keyId, type, issuerId, cryptoperiod, signatureLimit }: KeyRecord,
  at: Date,
): Promise<void> {
  const issuer =
    type === 'ca' && issuerId !== undefined
      ? await transaction.issuers.find(tenant, issuerId)
      : undefined;
  const notAfter =
    issuer?.certificate === undefined
      ? undefined
      : parseCertificate(issuer.certificate).validity.notAfter;
  const policy = keySettings(dependencies).cryptoperiods[type];
  const period = cryptoperiodAt(policy, at, notAfter);
  await transaction.keys.setCryptoperiod(
    tenant,
    keyId,
    {
      originatorUsageEnd: cryptoperiod.originatorUsageEnd ?? period.originatorUsageEnd,
      recipientUsageEnd: cryptoperiod.recipientUsageEnd ?? period.recipientUsageEnd,
      reason: cryptoperiod.reason ?? period.reason,
    },
    signatureLimit ?? policy.signatureLimit,
  );
}

/** @throws ChanceryError badPublicKey for a kind of key that is too weak (§5.6) */
export function requireStrength(
  dependencies: Pick<AuthorityDependencies, 'clock' | 'settings'>,
  keyAlgorithm: KeyRecord['keyAlgorithm'],
  algorithm: KeyRecord['algorithm'] | undefined,
): void {
  const { minimumStrength } = keySettings(dependencies);
  const message = weakness(keyAlgorithm, algorithm, minimumStrength, dependencies.clock.now());
  if (message !== undefined) {
    throw new ChanceryError('badPublicKey', {
      message,
      field: 'key',
      clause: 'SP 800-57 Part 1 §5.6',
    });
  }
}
