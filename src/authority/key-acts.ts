import { ChanceryError, type KeyAct, type Principal } from '../domain/index.ts';
import type { KeyDistribution, KeyRecord } from '../keys/index.ts';
import { act, recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import { type HeldCertificate, holdWithKey, releaseWithKey, tellOfHold } from './key-hold.ts';
import { findKey } from './key-lookup.ts';
import { changeKeyState } from './key-states.ts';
import { sha256 } from './octets.ts';
import type { IssuerRecord, Transaction } from './ports.ts';

/** What a person says with each act on a key. */
export interface KeyActRequest {
  /** Identifier, beginning of it, record, label, or issuer. */
  readonly key: string;
  readonly reason: string;
  /** References of those who agreed. */
  readonly approvals?: readonly string[] | undefined;
}

/** The key after the act, and what else the person must know or do. */
export interface KeyActResult {
  readonly key: KeyRecord;
  readonly notes: readonly string[];
}

type StateAct = Exclude<KeyAct, 'destroy'>;

/** Steps in the life of a key by a person (SP 800-57 Part 1 §7); destruction has a use case of its own. */
export function keyActUseCases(context: AuthorityContext) {
  const { dependencies } = context;
  const { unitOfWork, failpoint, tenant } = dependencies;

  const change = async (
    principal: Principal,
    request: KeyActRequest,
    step: StateAct,
  ): Promise<KeyActResult> => {
    const described = {
      act: `key.${step}`,
      object: request.key,
      details: { reason: request.reason, approvals: request.approvals ?? [] },
    };
    return act(dependencies, principal, 'keys:manage', described, async () => {
      requireReason(request.reason);
      const done = await unitOfWork.run(async (transaction) => {
        const found = await findKey(transaction, tenant, request.key);
        const issuer = found.type === 'ca' ? await issuerOfKey(transaction, found) : undefined;
        if (step === 'activate') await requireDistributed(transaction, found, issuer);
        const held = await followers(transaction, principal, request, step, found, issuer);
        await changeKeyState(dependencies, transaction, principal, found.keyId, step, {
          reason: request.reason,
          approvals: request.approvals,
          details: { ...changed(held), ...(held === undefined ? {} : { certificate: held.text }) },
        });
        if (step === 'compromised') await block(transaction, principal, found);
        const key = await transaction.keys.find(tenant, found.keyId);
        failpoint('key.1-before-commit');
        return { key: key ?? found, held, issuer };
      });
      failpoint('key.2-after-commit');
      if (done.held !== undefined) tellOfHold(context, done.held);
      context.standing.forget();
      if (step === 'compromised') context.issuers.forget();
      await context.keys.rebind(done.key.keyId);
      return { key: done.key, notes: notesOf(step, done.key, done.issuer, done.held) };
    });
  };

  /** Nobody certifies it again, as a CA's, a delegate's or anybody else's. */
  const block = async (
    { inventory }: Transaction,
    { name }: Principal,
    { type, subjectPublicKeyInfo }: KeyRecord,
  ): Promise<void> => {
    const reasonCode = type === 'ca' ? 'cACompromise' : 'keyCompromise';
    const now = dependencies.clock.now();
    await inventory.blockKey(tenant, sha256(subjectPublicKeyInfo), reasonCode, now, name);
  };

  const followers = async (
    transaction: Transaction,
    principal: Principal,
    request: KeyActRequest,
    step: StateAct,
    key: KeyRecord,
    issuer: IssuerRecord | undefined,
  ): Promise<HeldCertificate | undefined> => {
    if (issuer?.certificate === undefined) return undefined;
    if (step === 'suspend' && key.privateState === 'active') {
      return holdWithKey(context, transaction, principal, issuer, request.reason);
    }
    if (step === 'resume' && key.privateState === 'suspended') {
      const history = await transaction.keys.transitions(tenant, key.keyId);
      return releaseWithKey(context, transaction, principal, issuer, history);
    }
    return undefined;
  };

  return {
    /** Transition 4: the key may be used from now on. Refused until its public key was distributed. */
    activateKey: async (principal: Principal, request: KeyActRequest): Promise<KeyActResult> =>
      change(principal, request, 'activate'),

    /** Transition 7: it signs nothing, CRLs included, until it is resumed; its CA certificate goes on hold. */
    suspendKey: async (principal: Principal, request: KeyActRequest): Promise<KeyActResult> =>
      change(principal, request, 'suspend'),

    /** Transition 10, and the release of the hold that came with the suspension. */
    resumeKey: async (principal: Principal, request: KeyActRequest): Promise<KeyActResult> =>
      change(principal, request, 'resume'),

    /** Transitions 8 and 12: of keys that protect others; a signature key is destroyed instead (§7.4). */
    deactivateKey: async (principal: Principal, request: KeyActRequest): Promise<KeyActResult> =>
      change(principal, request, 'deactivate'),

    /** Transitions 3, 6, 11, 14: nothing is signed with it any more. What it signed is another matter. */
    markKeyCompromised: async (
      principal: Principal,
      request: KeyActRequest,
    ): Promise<KeyActResult> => change(principal, request, 'compromised'),

    /** A person confirms where relying parties have the public key (§8.1.5.1.1). */
    async distributeKey(
      principal: Principal,
      request: KeyActRequest & Pick<KeyDistribution, 'location'>,
    ): Promise<KeyRecord> {
      const described = {
        act: 'key.distribute',
        object: request.key,
        details: { location: request.location },
      };
      return act(dependencies, principal, 'keys:manage', described, async () =>
        unitOfWork.run(async (transaction) => {
          const key = await findKey(transaction, tenant, request.key);
          await transaction.keys.recordDistribution(tenant, {
            keyId: key.keyId,
            channel: 'confirmed',
            location: request.location,
            sha256: sha256(key.subjectPublicKeyInfo),
            at: dependencies.clock.now(),
            by: principal.name,
          });
          await recordDone(dependencies, transaction, principal, {
            ...described,
            object: key.keyId,
            details: { ...described.details, reason: request.reason },
          });
          return key;
        }),
      );
    },
  };
}

/** @throws ChanceryError invalidArgument */
export function requireReason(reason: string): void {
  if (reason.trim() === '') {
    throw new ChanceryError('invalidArgument', {
      message: 'an act on a key needs a reason; write it with --reason TEXT',
      field: 'reason',
    });
  }
}

/** The issuer whose key it is. */
export async function issuerOfKey(
  transaction: Transaction,
  key: KeyRecord,
): Promise<IssuerRecord | undefined> {
  return (await transaction.issuers.list(key.tenant)).find(({ keyId }) => keyId === key.keyId);
}

/** What others verify with a key they must have before it signs (§8.1.5.1.1, §8.2.3). */
async function requireDistributed(
  transaction: Transaction,
  key: KeyRecord,
  issuer: IssuerRecord | undefined,
): Promise<void> {
  if (key.privateState !== 'pre-activation' || key.type === 'selfTest' || key.type === 'wrapping') {
    return;
  }
  if (issuer !== undefined) {
    throw new ChanceryError('illegalTransition', {
      message: `the key of issuer ${issuer.name} is activated with its certificate: ${issuer.state === 'pending' ? `run \`chancery issuer install ${issuer.name} --chain FILE\`` : `run \`chancery issuer rollover activate ${issuer.name}\``}`,
      field: 'key',
      clause: 'SP 800-57 Part 1 §8.2.3',
    });
  }
  if ((await transaction.keys.distributions(key.tenant, key.keyId)).length === 0) {
    throw new ChanceryError('illegalTransition', {
      message: `the public key of ${key.label} was not distributed yet; bring it to those who verify with it, then say so with \`chancery key distributed ${key.keyId} --location TEXT --reason TEXT\``,
      field: 'key',
      clause: 'SP 800-57 Part 1 §8.1.5.1.1',
    });
  }
}

function changed(
  { certificate }: HeldCertificate = { text: '' },
): Readonly<Record<string, unknown>> {
  return certificate === undefined
    ? {}
    : certificate.status.status === 'onHold'
      ? { heldSerialNumber: certificate.serialNumber }
      : { releasedSerialNumber: certificate.serialNumber };
}

function notesOf(
  step: StateAct,
  key: KeyRecord,
  issuer: IssuerRecord | undefined,
  held: HeldCertificate | undefined,
): readonly string[] {
  const notes = held === undefined ? [] : [held.text];
  if (issuer !== undefined && step === 'suspend') {
    notes.push(
      `${issuer.name} signs nothing now, CRLs included: \`chancery crl show --issuer ${issuer.name}\` says when the last ones run out. Its OCSP delegates go on answering`,
    );
  }
  if (step === 'compromised') {
    notes.push(
      `what it signed is still believed: \`chancery compromise ${issuer === undefined ? `key ${key.keyId}` : `issuer ${issuer.name}`} --dry-run\` shows what to revoke and whom to tell`,
    );
  }
  return notes;
}
