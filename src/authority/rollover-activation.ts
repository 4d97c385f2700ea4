import {
  ChanceryError,
  type IssuerId,
  isChanceryError,
  type Principal,
  systemPrincipal,
} from '../domain/index.ts';
import type { KeyChange } from '../keys/index.ts';
import { recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import { distributeKey, mayActivateFrom, requireDistributed } from './key-distribution.ts';
import { changeKeyState } from './key-states.ts';
import type { IssuerRecord } from './ports.ts';

export interface RolloverActivation {
  /**
   * Goes as far as is possible now: the key is activated, the first CRL published, the OCSP responders'
   * delegates waited for, and from then on the issuer issues. Each step is done once in the cluster;
   * what is cut off goes on at the next turn.
   */
  advance(principal: Principal, issuerId: IssuerId, change: KeyReason): Promise<IssuerRecord>;
  /** What is due of every prepared issuer. */
  turn(): Promise<void>;
}

type KeyReason = Pick<KeyChange, 'reason' | 'approvals'>;

/**
 * A responder learns of a new issuer within seconds, and has a delegate certified. The issuer waits for
 * that no longer than this: relying parties then ask for the CRL.
 */
const delegateWaitMilliseconds = 30_000;

export function rolloverActivation(context: AuthorityContext): RolloverActivation {
  const { dependencies, issuers, crls, keys } = context;
  const { unitOfWork, clock, tenant, log, settings } = dependencies;
  /** What was said of an issuer whose time has come: an alarm is raised once. */
  const said = new Map<IssuerId, string>();

  /** The key's first use, after its public half has been distributed. */
  const activateKey = async (
    principal: Principal,
    issuerId: IssuerId,
    change: KeyReason,
  ): Promise<void> => {
    const keyId = await unitOfWork.run(async (transaction) => {
      const record = await transaction.issuers.findForUpdate(tenant, issuerId);
      const key = record && (await transaction.keys.findForUpdate(tenant, record.keyId));
      if (record?.standing !== 'prepared' || key?.privateState === 'active') {
        return undefined;
      }
      if (key?.privateState !== 'pre-activation') {
        throw new ChanceryError('illegalTransition', {
          message: `issuer ${record.name} can't begin: its key is ${key?.privateState ?? 'gone'}; prepare another successor`,
          field: 'issuer',
          clause: 'SP 800-57 Part 1 §7',
        });
      }
      await requireDistributed(dependencies, transaction, record, clock.now());
      await changeKeyState(dependencies, transaction, principal, key.keyId, 'activate', change);
      return key.keyId;
    });
    if (keyId !== undefined) {
      await keys.rebind(keyId);
    }
  };

  /** Relying parties who ask for the status of its first certificate get an answer. */
  const statusIsTold = async (record: IssuerRecord): Promise<boolean> => {
    const now = clock.now();
    const { predecessorId } = record;
    const [before, own, key] = await unitOfWork.read(async (transaction) => [
      predecessorId && (await transaction.issuers.delegateUntil(tenant, predecessorId)),
      await transaction.issuers.delegateUntil(tenant, record.issuerId),
      await transaction.keys.find(tenant, record.keyId),
    ]);
    const isServed = (until: Date | '' | undefined): boolean =>
      until instanceof Date && until > now;
    if (!isServed(before) || isServed(own)) {
      return true;
    }
    const since = key?.stateSince.getTime() ?? 0;
    if (now.getTime() - since < delegateWaitMilliseconds) {
      return false;
    }
    log('warn', 'an issuer begins without an OCSP delegate: no responder asked for one in time', {
      issuer: record.name,
    });
    return true;
  };

  const begin = async (principal: Principal, record: IssuerRecord): Promise<void> => {
    await unitOfWork.run(async (transaction) => {
      const { issuerId, predecessorId } = record;
      const began = await transaction.issuers.advance(tenant, issuerId, 'prepared', {
        standing: 'issuing',
      });
      if (began) {
        await recordDone(dependencies, transaction, principal, {
          act: 'issuer.activate',
          object: issuerId,
          details: { name: record.name, predecessorId },
        });
      }
    });
  };

  const advance: RolloverActivation['advance'] = async (principal, issuerId, change) => {
    await activateKey(principal, issuerId, change);
    issuers.forget();
    const issuer = await issuers.byNameOrId(issuerId);
    if (issuer.record.standing === 'prepared') {
      const states = await unitOfWork.readOne(async (transaction) =>
        transaction.crls.shardStates(tenant, issuerId),
      );
      if (states.some(({ complete }) => complete === undefined)) {
        await crls.publish(issuer, principal);
      }
      if (await statusIsTold(issuer.record)) {
        await begin(principal, issuer.record);
        issuers.forget();
      }
    }
    return (await issuers.byNameOrId(issuerId)).record;
  };

  const distributeMissing = async (record: IssuerRecord): Promise<void> => {
    const known = await unitOfWork.readOne(async (transaction) =>
      transaction.keys.distributions(tenant, record.keyId),
    );
    if (mayActivateFrom(record, known, settings) === undefined) {
      await distributeKey(context, systemPrincipal, await issuers.byNameOrId(record.issuerId));
    }
  };

  /** Its key is gone or lost: it is distributed no more, and a date that was set is taken back. */
  const isGivenUp = async ({ issuerId, keyId, name }: IssuerRecord): Promise<boolean> => {
    const key = await unitOfWork.readOne(async (transaction) =>
      transaction.keys.find(tenant, keyId),
    );
    if (key?.privateState !== 'destroyed' && key?.privateState !== 'compromised') return false;
    const { privateState } = key;
    const takenBack = await unitOfWork.run(async (transaction) => {
      const record = await transaction.issuers.findForUpdate(tenant, issuerId);
      if (record?.standing !== 'prepared' || record.activateAt === undefined) return false;
      await transaction.issuers.advance(tenant, issuerId, 'prepared', { activateAt: null });
      await recordDone(dependencies, transaction, systemPrincipal, {
        act: 'issuer.rollover.activate',
        object: issuerId,
        details: { activateAt: null, reason: `the key of issuer ${name} is ${privateState}` },
      });
      return true;
    });
    if (takenBack) issuers.forget();
    return true;
  };

  return {
    advance,
    async turn() {
      const prepared = (await issuers.all()).filter(
        ({ record }) => record.standing === 'prepared' && record.state === 'active',
      );
      for (const { record } of prepared) {
        try {
          if (await isGivenUp(record)) continue;
          await distributeMissing(record);
          if (record.activateAt !== undefined && record.activateAt <= clock.now()) {
            await advance(systemPrincipal, record.issuerId, {
              reason: `the date set for issuer ${record.name} has come: ${record.activateAt.toISOString()}`,
            });
          }
          said.delete(record.issuerId);
        } catch (error) {
          const cause = isChanceryError(error) ? error.message : String(error);
          if (said.get(record.issuerId) !== cause) {
            said.set(record.issuerId, cause);
            log('alarm', 'a prepared issuer could not begin; tried again', {
              issuer: record.name,
              cause,
            });
          }
        }
      }
    },
  };
}

/** @throws ChanceryError illegalTransition for one that is not prepared, or not certified yet */
export function requirePrepared({ name, standing, state }: IssuerRecord): void {
  if (standing !== 'prepared') {
    throw new ChanceryError('illegalTransition', {
      message: `issuer ${name} is ${standing}, not prepared; prepare one that follows it with \`chancery issuer rollover prepare ${name} --as NEWNAME\``,
      field: 'issuer',
    });
  }
  if (state === 'pending') {
    throw new ChanceryError('illegalTransition', {
      message: `issuer ${name} waits for its chain; run \`chancery issuer install ${name} --chain FILE\` first`,
      field: 'issuer',
    });
  }
}
