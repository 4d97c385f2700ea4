import {
  ChanceryError,
  maximumShards,
  type Principal,
  type StatusPolicy,
} from '../domain/index.ts';
import { act, recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import { shardsToOpen, shardUrl } from './crl-shards.ts';
import type { ShardOfIssuer } from './crls.ts';
import type { CrlShardState, IssuerRecord, Transaction } from './ports.ts';

/** What of an issuer's status policy is to change; null switches off. */
export interface StatusPolicyChanges {
  readonly crl?:
    | {
        readonly shards?: number | undefined;
        readonly scopes?: StatusPolicy['crl']['scopes'] | undefined;
        readonly deltaSeconds?: number | null | undefined;
        readonly keepExpired?: boolean | undefined;
      }
    | undefined;
  readonly ocsp?:
    | {
        readonly extendedRevoke?: boolean | undefined;
        readonly archiveCutoffSeconds?: number | null | undefined;
      }
    | undefined;
}

/** A shorter delta would be built and fetched all the time. */
const shortestDeltaSeconds = 60;

/** How an issuer tells status: changed by administrators, followed by every node within seconds. */
export function issuerPolicyUseCases(context: AuthorityContext) {
  const { dependencies, issuers, crls } = context;
  const { unitOfWork, clock, tenant, log } = dependencies;

  /** The CRLs that the change needs, at once; what fails is made good by the schedule. */
  const publishNow = async (issuerId: string, principal: Principal): Promise<void> => {
    issuers.forget();
    const issuer = await issuers.byNameOrId(issuerId);
    if (issuer.record.state === 'active' && issuer.record.standing !== 'prepared') {
      await crls.publish(issuer, principal).catch((error: unknown) => {
        log('warn', 'the CRLs of a changed policy were not all published; the schedule does it', {
          issuer: issuer.record.name,
          cause: String(error),
        });
      });
      // New shards get certificates now that their CRLs are there.
      issuers.forget();
    }
  };

  return {
    /**
     * Changes the policy, opens the shards that it needs and publishes.
     *
     * @throws ChanceryError invalidArgument when the policy contradicts itself or what is open
     */
    async changeStatusPolicy(
      principal: Principal,
      nameOrId: string,
      changes: StatusPolicyChanges,
    ): Promise<IssuerRecord> {
      const described = { act: 'issuer.policy', object: nameOrId, details: { ...changes } };
      return act(dependencies, principal, 'issuers:create', described, async () => {
        const { issuerId } = (await issuers.byNameOrId(nameOrId)).record;
        await unitOfWork.run(async (transaction) => {
          const { record, states } = await locked(transaction, tenant, issuerId);
          const policy = changed(record.statusPolicy, changes);
          refuseContradictions(record, policy, states);
          for (const { shard, scope } of shardsToOpen(policy.crl, states)) {
            await transaction.crls.openShard({
              tenant,
              issuerId,
              shard,
              scope,
              openedAt: clock.now(),
            });
          }
          if (await transaction.issuers.setStatusPolicy(tenant, issuerId, policy)) {
            await recordDone(dependencies, transaction, principal, {
              ...described,
              object: issuerId,
              details: { before: record.statusPolicy, after: policy },
            });
          }
        });
        await publishNow(issuerId, principal);
        return (await issuers.byNameOrId(issuerId)).record;
      });
    },

    /**
     * Retires a shard: no new certificate gets it, on any node, and its CRLs go on until one is out
     * that was issued past the notAfter of its last certificate.
     *
     * @throws ChanceryError illegalTransition when new certificates would have no shard left
     */
    async retireShard(
      principal: Principal,
      nameOrId: string,
      shard: number,
    ): Promise<ShardOfIssuer> {
      const described = { act: 'crl.retire', object: nameOrId, details: { shard } };
      return act(dependencies, principal, 'issuers:create', described, async () => {
        const { issuerId, urls } = (await issuers.byNameOrId(nameOrId)).record;
        const retired = await unitOfWork.run(async (transaction) => {
          const { record, states } = await locked(transaction, tenant, issuerId);
          const state = states.find((known) => known.shard === shard);
          if (state === undefined) {
            throw new ChanceryError('notFound', {
              message: `issuer ${record.name} has no shard ${shard}; see \`chancery crl shards --issuer ${record.name}\``,
              field: 'shard',
            });
          }
          if (state.retiredAt !== undefined) {
            return state;
          }
          refuseLast(record, state, states);
          const at = clock.now();
          await transaction.crls.retireShard(tenant, issuerId, shard, at);
          const left = spreadOver(record.statusPolicy, states) - (isSpread(record, state) ? 1 : 0);
          const policy = record.statusPolicy;
          await transaction.issuers.setStatusPolicy(tenant, issuerId, {
            ...policy,
            crl: { ...policy.crl, shards: Math.max(1, Math.min(policy.crl.shards, left)) },
          });
          await recordDone(dependencies, transaction, principal, {
            ...described,
            object: issuerId,
          });
          return { ...state, retiredAt: at };
        });
        issuers.forget();
        return { ...retired, url: shardUrl(urls, shard) };
      });
    },
  };
}

export type IssuerPolicyUseCases = ReturnType<typeof issuerPolicyUseCases>;

/** Under the issuer's row lock: two changes at once would open the same shards twice. */
async function locked(
  transaction: Transaction,
  tenant: string,
  issuerId: string,
): Promise<{ readonly record: IssuerRecord; readonly states: readonly CrlShardState[] }> {
  const record = await transaction.issuers.findForUpdate(tenant, issuerId);
  if (record === undefined) {
    throw new ChanceryError('notFound', { message: `issuer ${issuerId} is gone`, field: 'issuer' });
  }
  return { record, states: await transaction.crls.shardStates(tenant, issuerId) };
}

function changed(before: StatusPolicy, { crl, ocsp }: StatusPolicyChanges): StatusPolicy {
  const deltaSeconds = crl?.deltaSeconds === undefined ? before.crl.deltaSeconds : crl.deltaSeconds;
  const archive =
    ocsp?.archiveCutoffSeconds === undefined
      ? before.ocsp.archiveCutoffSeconds
      : ocsp.archiveCutoffSeconds;
  return {
    crl: {
      shards: crl?.shards ?? before.crl.shards,
      scopes: crl?.scopes ?? before.crl.scopes,
      ...(deltaSeconds === null || deltaSeconds === undefined ? {} : { deltaSeconds }),
      keepExpired: crl?.keepExpired ?? before.crl.keepExpired,
    },
    ocsp: {
      extendedRevoke: ocsp?.extendedRevoke ?? before.ocsp.extendedRevoke,
      ...(archive === null || archive === undefined ? {} : { archiveCutoffSeconds: archive }),
    },
  };
}

function refuseContradictions(
  { name, crlLifetimeSeconds, statusPolicy }: IssuerRecord,
  { crl }: StatusPolicy,
  states: readonly CrlShardState[],
): void {
  if (crl.shards > maximumShards) {
    throw new ChanceryError('invalidArgument', {
      message: `${crl.shards} shards are more than ${maximumShards}`,
      field: 'crl.shards',
    });
  }
  const open = spreadOver({ ...statusPolicy, crl }, states);
  if (crl.shards < open) {
    throw new ChanceryError('invalidArgument', {
      message: `${open} shards are open, and certificates point to them: retire those that shall get no more with \`chancery crl retire SHARD --issuer ${name}\``,
      field: 'crl.shards',
    });
  }
  if (
    crl.deltaSeconds !== undefined &&
    (crl.deltaSeconds < shortestDeltaSeconds || crl.deltaSeconds > crlLifetimeSeconds / 2)
  ) {
    throw new ChanceryError('invalidArgument', {
      message: `a delta CRL of ${name} is valid for ${shortestDeltaSeconds} s at least, and for half of a complete CRL's ${crlLifetimeSeconds} s at most`,
      field: 'crl.deltaSeconds',
      clause: 'RFC 5280 §5.2.4',
    });
  }
}

/** How many open shards the policy spreads end-entity certificates over. */
function spreadOver(policy: StatusPolicy, states: readonly CrlShardState[]): number {
  return states.filter(
    (state) => state.retiredAt === undefined && isSpread({ statusPolicy: policy }, state),
  ).length;
}

function isSpread(
  { statusPolicy }: Pick<IssuerRecord, 'statusPolicy'>,
  { scope }: Pick<CrlShardState, 'scope'>,
): boolean {
  return scope === (statusPolicy.crl.scopes === 'separate' ? 'endEntity' : 'all');
}

/** New certificates need a shard: of their scope, or of everything. */
function refuseLast(
  { name, statusPolicy }: IssuerRecord,
  { shard, scope }: CrlShardState,
  states: readonly CrlShardState[],
): void {
  const others = states.filter((state) => state.retiredAt === undefined && state.shard !== shard);
  const needed = statusPolicy.crl.scopes === 'separate' ? ['endEntity', 'ca'] : ['all'];
  if (
    (scope === 'all' || needed.includes(scope)) &&
    needed.some((of) => !others.some((other) => other.scope === of || other.scope === 'all'))
  ) {
    throw new ChanceryError('illegalTransition', {
      message: `shard ${shard} is the last that new certificates of ${name} can get; open another first: \`chancery issuer policy ${name} --crl-shards ${statusPolicy.crl.shards + 1}\``,
      field: 'shard',
    });
  }
}
