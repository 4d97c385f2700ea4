import { ChanceryError, type KeyId, type Principal, type SigningPurpose } from '../domain/index.ts';
import {
  isUntold,
  type NewKeyRecord,
  type PrivateKeyAttributes,
  type TokenIdentity,
  untold,
} from '../keys/index.ts';
import {
  type KeyAlgorithmName,
  keyAlgorithmOf,
  keyIdentifierHex,
  parseSubjectPublicKeyInfo,
  type SignatureAlgorithmName,
  type SubjectPublicKeyInfo,
  signatureAlgorithms,
} from '../pkix/index.ts';
import { act, recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import { type ResponderToken, reconcileResponderToken } from './key-reconciliation.ts';
import { changeKeyState, requireValidated } from './key-states.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';
import type { Transaction } from './ports.ts';

/** What a responder tells of a key that it made in its own token. */
export interface ResponderKey {
  /** CKA_LABEL. */
  readonly label: string;
  readonly token: TokenIdentity;
  /** As read back from the token. */
  readonly attributes: PrivateKeyAttributes;
}

/** What a responder reports of its keys, again and again. */
export interface ResponderKeyReport {
  /** How many signatures its signer processes have counted, all in all. */
  readonly keys: readonly { readonly keyId: KeyId; readonly signatures: number }[];
  /** Keys that it destroyed, after it had looked that nothing of them is left. */
  readonly destroyed: readonly {
    readonly keyId: KeyId;
    readonly objects: number;
    readonly reason: string;
  }[];
  /** Its token's self-test key. */
  readonly selfTest?:
    | (ResponderKey & {
        /** DER. */
        readonly subjectPublicKeyInfo: Uint8Array;
        readonly algorithm: string;
      })
    | undefined;
  /** What is in its token now, after those destructions. */
  readonly inToken?: ResponderToken | undefined;
}

const delegatePurposes: readonly SigningPurpose[] = ['ocspResponse', 'certificationRequest'];

/** Of a key whose holder told nothing, everything counts as the weaker value. */
const toldNothing: ResponderKey = {
  label: untold,
  token: {
    ...{ label: untold, serialNumber: untold, manufacturer: untold, model: untold },
    firmwareVersion: untold,
    hardware: false,
  },
  attributes: {
    token: false,
    private: false,
    sensitive: false,
    alwaysSensitive: false,
    extractable: true,
    neverExtractable: false,
    local: false,
    sign: true,
    decrypt: true,
    unwrap: true,
    derive: true,
    modifiable: true,
    copyable: true,
  },
};

/**
 * Whether a delegate's key may be certified: one that the inventory knows must be this responder's,
 * and neither suspended nor at the end of its life.
 *
 * @throws ChanceryError badPublicKey; policyViolation where validated modules are required
 */
export async function requireDelegateKey(
  dependencies: Pick<AuthorityDependencies, 'settings'>,
  transaction: Transaction,
  principal: Principal,
  subjectPublicKeyInfo: SubjectPublicKeyInfo,
  /** The responder's name, when another acts for it (a ceremony). */
  owner: string,
  told: ResponderKey | undefined,
): Promise<void> {
  const known = await transaction.keys.find(
    principal.tenant,
    keyIdentifierHex(subjectPublicKeyInfo),
  );
  // Asked before anything is signed: each attempt would leave an abandoned certificate on the CRL.
  if (known?.privateState !== 'active') {
    const { token } = known ?? told ?? toldNothing;
    requireValidated(dependencies, { token, tokenRole: 'responder' });
  }
  if (known === undefined) return;
  const usable = known.privateState === 'pre-activation' || known.privateState === 'active';
  if (!usable || known.type !== 'ocspResponder' || known.owner !== owner) {
    throw new ChanceryError('badPublicKey', {
      message: `key ${known.keyId} is ${known.privateState}, of ${known.owner} (${known.type}): no certificate is issued for it; make a new key`,
      field: 'csr',
      clause: 'SP 800-57 Part 1 §7',
    });
  }
}

/** Its certificate exists: the key is recorded, as told, and active from now on. */
export async function recordDelegateKey(
  dependencies: AuthorityDependencies,
  transaction: Transaction,
  principal: Principal,
  issuer: LoadedIssuer,
  subjectPublicKeyInfo: SubjectPublicKeyInfo,
  algorithm: SignatureAlgorithmName,
  told: ResponderKey | undefined,
  owner = principal.name,
): Promise<void> {
  const { tenant } = principal;
  const keyId = keyIdentifierHex(subjectPublicKeyInfo);
  const known = await transaction.keys.find(tenant, keyId);
  if (known?.privateState === 'active') return;
  if (known === undefined) {
    const keyAlgorithm = algorithmNamed(subjectPublicKeyInfo);
    const record = `ocsp/${issuer.record.issuerId}/${owner}/${keyAlgorithm}`;
    await insertVersion(dependencies, transaction, principal, `made for ${issuer.record.name}`, {
      ...(told ?? toldNothing),
      ...{ tenant, keyId, keyAlgorithm, algorithm, record },
      subjectPublicKeyInfo: subjectPublicKeyInfo.der,
      purposes: delegatePurposes,
      type: 'ocspResponder',
      tokenRole: 'responder',
      owner,
      origin: 'generated',
      issuerId: issuer.record.issuerId,
      node: owner,
    });
  }
  await changeKeyState(dependencies, transaction, principal, keyId, 'activate', {
    reason: `its certificate as OCSP delegate of ${issuer.record.name} was issued`,
  });
}

/** A ceremony certified its key, and knew nothing of its token: what the responder tells of it now. */
export async function learnDelegateKey(
  dependencies: Pick<AuthorityDependencies, 'clock'>,
  transaction: Transaction,
  principal: Principal,
  subjectPublicKeyInfo: SubjectPublicKeyInfo,
  { token, attributes }: ResponderKey,
): Promise<void> {
  const { tenant, name } = principal;
  const keyId = keyIdentifierHex(subjectPublicKeyInfo);
  const key = await transaction.keys.findForUpdate(tenant, keyId);
  if (key === undefined || key.owner !== name || !isUntold(key)) return;
  await transaction.keys.setToken(tenant, keyId, token, attributes);
  await recordDone(dependencies, transaction, principal, {
    act: 'key.told',
    object: keyId,
    details: { token, attributes },
  });
}

function algorithmNamed(subjectPublicKeyInfo: SubjectPublicKeyInfo): KeyAlgorithmName {
  const name = keyAlgorithmOf(subjectPublicKeyInfo);
  if (name === undefined) {
    throw new ChanceryError('badPublicKey', {
      message: 'the key is of no kind that a delegate may have; make a P-256 key',
      field: 'csr',
    });
  }
  return name;
}

function signatureAlgorithmNamed(name: string): SignatureAlgorithmName {
  if (Object.hasOwn(signatureAlgorithms, name)) return name as SignatureAlgorithmName;
  throw new ChanceryError('invalidArgument', {
    message: `there is no signature algorithm ${JSON.stringify(name)}; there are: ${Object.keys(signatureAlgorithms).join(', ')}`,
    field: 'algorithm',
  });
}

/** The next version under its record. */
export async function insertVersion(
  { clock }: Pick<AuthorityDependencies, 'clock'>,
  transaction: Transaction,
  principal: Principal,
  reason: string,
  record: Omit<NewKeyRecord, 'version' | 'createdAt'>,
  approvals: readonly string[] = [],
): Promise<void> {
  const version = (await transaction.keys.latestVersion(record.tenant, record.record)) + 1;
  const now = clock.now();
  await transaction.keys.insert(
    { ...record, version, createdAt: now },
    { at: now, by: principal.name, reason, approvals },
  );
  await recordDone({ clock }, transaction, principal, {
    act: 'key.record',
    object: record.keyId,
    details: {
      type: record.type,
      record: record.record,
      version,
      token: record.token,
      reason,
      approvals,
    },
  });
}

/** Responders tell what became of their keys; what is not theirs is refused. */
export function responderKeyUseCases({ dependencies }: AuthorityContext) {
  const { unitOfWork, clock } = dependencies;
  return {
    /** @throws ChanceryError forbidden for a key that is another's, notFound */
    async reportResponderKeys(principal: Principal, report: ResponderKeyReport): Promise<void> {
      const described = { act: 'responder.keys', object: principal.name };
      await act(dependencies, principal, 'responders:enrol', described, async () =>
        unitOfWork.run(async (transaction) => {
          for (const { keyId, signatures } of report.keys) {
            await requireOwn(transaction, principal, keyId);
            await transaction.keys.countSignatures(
              ...([principal.tenant, keyId, principal.name, signatures, clock.now()] as const),
            );
          }
          for (const { keyId, objects, reason } of report.destroyed) {
            await recordDestruction(transaction, principal, keyId, { objects, reason });
          }
          if (report.selfTest !== undefined) {
            await recordSelfTestKey(dependencies, transaction, principal, {
              ...report.selfTest,
              subjectPublicKeyInfo: parseSubjectPublicKeyInfo(report.selfTest.subjectPublicKeyInfo),
              algorithm: signatureAlgorithmNamed(report.selfTest.algorithm),
              tokenRole: 'responder',
            });
          }
        }),
      );
      const { inToken } = report;
      if (inToken === undefined) return;
      // By itself: whatever is in the token, counts and destructions are on record before.
      await unitOfWork.run(async (transaction) =>
        reconcileResponderToken(dependencies, transaction, principal, inToken),
      );
    },
  };

  async function recordDestruction(
    transaction: Transaction,
    principal: Principal,
    keyId: KeyId,
    { objects, reason }: { readonly objects: number; readonly reason: string },
  ): Promise<void> {
    const key = await requireOwn(transaction, principal, keyId);
    if (key.privateState === 'destroyed') return;
    const details = { objects, token: key.token, absent: true };
    const before = await changeKeyState(dependencies, transaction, principal, keyId, 'destroy', {
      reason,
      details,
    });
    await transaction.evidence.append(principal.tenant, {
      kind: 'key.destruction',
      subject: keyId,
      at: clock.now(),
      by: principal.name,
      document: { ...details, type: before.type, record: before.record, version: before.version },
    });
  }
}

async function requireOwn(transaction: Transaction, principal: Principal, keyId: KeyId) {
  const key = await transaction.keys.findForUpdate(principal.tenant, keyId);
  if (key === undefined) {
    throw new ChanceryError('notFound', {
      message: `there is no key ${keyId} in the inventory; it is recorded when its first certificate is issued`,
      field: 'keyId',
    });
  }
  if (key.tokenRole !== 'responder' || key.owner !== principal.name) {
    throw new ChanceryError('forbidden', {
      message: `key ${keyId} is not of responder ${principal.name}; a responder tells of its own keys alone`,
      field: 'keyId',
    });
  }
  return key;
}

/** A token's own self-test key, which signs probes alone: recorded once, active at once. */
export async function recordSelfTestKey(
  dependencies: Pick<AuthorityDependencies, 'clock' | 'settings'>,
  transaction: Transaction,
  principal: Principal,
  key: ResponderKey & {
    readonly subjectPublicKeyInfo: SubjectPublicKeyInfo;
    readonly algorithm: SignatureAlgorithmName;
    readonly tokenRole: 'root' | 'issuing' | 'responder';
  },
): Promise<void> {
  const { tenant } = principal;
  const { subjectPublicKeyInfo, algorithm, tokenRole, label, token, attributes } = key;
  const keyId = keyIdentifierHex(subjectPublicKeyInfo);
  if ((await transaction.keys.find(tenant, keyId)) !== undefined) return;
  await insertVersion(dependencies, transaction, principal, 'found in its token', {
    ...{ tenant, keyId, algorithm, tokenRole, label, token, attributes },
    keyAlgorithm: algorithmNamed(subjectPublicKeyInfo),
    subjectPublicKeyInfo: subjectPublicKeyInfo.der,
    purposes: ['selfTest'],
    type: 'selfTest',
    record: `self-test/${tokenRole}${tokenRole === 'responder' ? `/${principal.name}` : ''}`,
    owner: principal.name,
    origin: 'generated',
    ...(tokenRole === 'responder' ? { node: principal.name } : {}),
  });
  await changeKeyState(dependencies, transaction, principal, keyId, 'activate', {
    reason: 'it signs probes alone, which nobody else verifies',
  });
}
