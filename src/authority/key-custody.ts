import { ChanceryError, type Principal } from '../domain/index.ts';
import type { KeyBackup, KeyCustodian, KeyRecord } from '../keys/index.ts';
import { act, recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import { requireReason } from './key-acts.ts';
import { findKey } from './key-lookup.ts';

export interface AppointRequest {
  /** Of every key in that token; or of one key. */
  readonly token?: KeyCustodian['tokenRole'] | undefined;
  readonly key?: string | undefined;
  readonly person: string;
  /** holdsPin, holdsSecurityOfficerPin, holdsBackup, operatesModule, or words of the installation's own. */
  readonly duty: string;
  /** Default: now. */
  readonly since?: Date | undefined;
  readonly comment?: string | undefined;
}

export interface BackupRequest {
  readonly key: string;
  readonly backup: KeyBackup;
  readonly reason: string;
}

/** Who holds what of a key, and where copies of it are (SP 800-57 Part 1 §6.2.3, §8.2.2.1, §9.3). */
export function keyCustodyUseCases({ dependencies }: AuthorityContext) {
  const { unitOfWork, clock, tenant } = dependencies;
  return {
    async appointCustodian(principal: Principal, request: AppointRequest): Promise<KeyCustodian> {
      const { person, duty } = request;
      const described = {
        act: 'key.custodian.appoint',
        object: request.key ?? request.token ?? '',
        details: { person, duty, since: request.since, comment: request.comment },
      };
      return act(dependencies, principal, 'keys:manage', described, async () => {
        if ((request.key === undefined) === (request.token === undefined)) {
          throw new ChanceryError('invalidArgument', {
            message: 'a custodian holds a token or one key: say one of --token ROLE and --key KEY',
            field: 'token',
          });
        }
        const now = clock.now();
        const since = request.since ?? now;
        if (since > now) {
          throw new ChanceryError('invalidArgument', {
            message: `since lies in the future (${since.toISOString()}); record the custodian when it begins`,
            field: 'since',
          });
        }
        return unitOfWork.run(async (transaction) => {
          const key =
            request.key === undefined ? undefined : await findKey(transaction, tenant, request.key);
          const tokenRole = request.token ?? key?.tokenRole ?? 'software';
          const custodian = {
            ...{ tokenRole, keyId: key?.keyId, person, duty, since },
            ...{ recordedBy: principal.name, comment: request.comment },
          };
          const id = await transaction.keys.appointCustodian(tenant, custodian);
          await recordDone(dependencies, transaction, principal, {
            ...described,
            object: key?.keyId ?? tokenRole,
            details: { ...described.details, custodian: id.toString(), since },
          });
          return { ...custodian, id };
        });
      });
    },

    /** From now on the person holds it no more; what they could have done until then stays on record. */
    async endCustodian(
      principal: Principal,
      request: { readonly id: bigint; readonly reason: string },
    ): Promise<KeyCustodian> {
      const { id, reason } = request;
      const described = {
        act: 'key.custodian.end',
        object: id.toString(),
        details: { reason },
      };
      return act(dependencies, principal, 'keys:manage', described, async () => {
        requireReason(reason);
        return unitOfWork.run(async (transaction) => {
          const at = clock.now();
          const ended = await transaction.keys.endCustodian(tenant, id, at, principal.name);
          const custodian = (await transaction.keys.custodians(tenant)).find(
            (one) => one.id === id,
          );
          if (!ended || custodian === undefined) {
            throw new ChanceryError(custodian === undefined ? 'notFound' : 'illegalTransition', {
              message:
                custodian === undefined
                  ? `there is no custodian ${id}; \`chancery key custodian list\` shows them`
                  : `custodian ${id} ended at ${custodian.until?.toISOString() ?? ''} already`,
              field: 'id',
            });
          }
          await recordDone(dependencies, transaction, principal, {
            ...described,
            details: { reason, person: custodian.person, duty: custodian.duty },
          });
          return custodian;
        });
      });
    },

    async listCustodians(principal: Principal): Promise<readonly KeyCustodian[]> {
      const described = { act: 'key.custodian.list', object: 'custodians' };
      return act(dependencies, principal, 'keys:read', described, async () =>
        unitOfWork.read(async ({ keys }) => keys.custodians(tenant)),
      );
    },

    /** Says where copies of the private half are, or why there are none. */
    async recordBackup(principal: Principal, request: BackupRequest): Promise<KeyRecord> {
      const { backup, reason } = request;
      const described = {
        act: 'key.backup',
        object: request.key,
        details: { backup, reason },
      };
      return act(dependencies, principal, 'keys:manage', described, async () => {
        requireReason(reason);
        return unitOfWork.run(async (transaction) => {
          const key = await findKey(transaction, tenant, request.key);
          if (key.privateState === 'destroyed') {
            throw new ChanceryError('illegalTransition', {
              message: `key ${key.keyId} is destroyed; a copy of it that is left must be destroyed too, not recorded`,
              field: 'key',
              clause: 'SP 800-57 Part 1 §8.3.4',
            });
          }
          await transaction.keys.setBackup(tenant, key.keyId, backup);
          await transaction.evidence.append(tenant, {
            kind: 'backup',
            subject: key.keyId,
            at: clock.now(),
            by: principal.name,
            document: { backup, reason },
          });
          await recordDone(dependencies, transaction, principal, {
            ...described,
            object: key.keyId,
          });
          return { ...key, backup };
        });
      });
    },
  };
}
