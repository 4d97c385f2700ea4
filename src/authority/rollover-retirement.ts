import { type IssuerId, type Principal, systemPrincipal } from '../domain/index.ts';
import { recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import { inTurn } from './in-turn.ts';
import type { IssuerRecord, Transaction } from './ports.ts';
import { defaultBundle } from './trust-anchors.ts';

/**
 * Every node has seen within this time that the issuer retires, and what it began before has its
 * signature: only then is the key narrowed, so that no issuance under way fails.
 */
const narrowedAfterMilliseconds = 30_000;
/** As for a retired shard: no statement of an issuance that saw the issuer issuing takes longer. */
const settledAfterMilliseconds = 10 * 60_000;

export interface RolloverRetirement {
  /** What is due of every retiring issuer. */
  turn(): Promise<void>;
}

/**
 * What follows the retirement of an issuer, each step once in the cluster and in this order: its key is
 * narrowed to CRLs and delegates; until when its certificates are valid is settled; after that nothing is
 * certified any more, and its shards retire; once a CRL later than the last certificate's notAfter is
 * out for each, the issuer is retired and its key may be destroyed (SP 800-57 Part 1 §7.2, §8.3.4).
 */
export function rolloverRetirement(context: AuthorityContext): RolloverRetirement {
  const { dependencies, issuers, keys } = context;
  const { unitOfWork, clock, tenant, log } = dependencies;

  /** One step under the issuer's row lock; `work` answers whether it was due. */
  const step = async (
    issuerId: IssuerId,
    work: (transaction: Transaction, record: IssuerRecord) => Promise<boolean>,
  ): Promise<boolean> => {
    const done = await unitOfWork.run(async (transaction) => {
      const record = await transaction.issuers.findForUpdate(tenant, issuerId);
      return record?.standing === 'retiring' && (await work(transaction, record));
    });
    if (done) {
      issuers.forget();
    }
    return done;
  };

  const narrow = async ({ issuerId, name }: IssuerRecord): Promise<void> => {
    let narrowed: string | undefined;
    await step(issuerId, async (transaction, { keyId }) => {
      const key = await transaction.keys.findForUpdate(tenant, keyId);
      if (key?.scope !== 'full') {
        return false;
      }
      await transaction.keys.setScope(tenant, keyId, 'status');
      await recordDone(dependencies, transaction, systemPrincipal, {
        act: 'key.narrow',
        object: keyId,
        details: { scope: 'status', reason: `issuer ${name} retires` },
      });
      narrowed = keyId;
      return true;
    });
    if (narrowed !== undefined) {
      await keys.rebind(narrowed);
    }
  };

  const settle = async ({ issuerId }: IssuerRecord): Promise<void> => {
    await step(issuerId, async (transaction, { lastNotAfter, retiringSince }) => {
      if (lastNotAfter !== undefined) {
        return false;
      }
      const latest = await transaction.issuers.latestNotAfter(tenant, issuerId);
      return transaction.issuers.advance(tenant, issuerId, 'retiring', {
        lastNotAfter: latest ?? retiringSince,
      });
    });
  };

  /** Its last certificate has expired: not even a delegate is certified any more. */
  const close = async ({ issuerId, name }: IssuerRecord): Promise<void> => {
    const at = clock.now();
    await step(issuerId, async (transaction, { closedAt, lastNotAfter }) => {
      if (closedAt !== undefined) {
        return false;
      }
      await transaction.issuers.advance(tenant, issuerId, 'retiring', { closedAt: at });
      for (const { shard } of await transaction.crls.shardStates(tenant, issuerId)) {
        await transaction.crls.retireShard(tenant, issuerId, shard, at);
      }
      await recordDone(dependencies, transaction, systemPrincipal, {
        act: 'issuer.close',
        object: issuerId,
        details: { name, lastNotAfter },
      });
      return true;
    });
  };

  /** Each shard has its last CRL: the key has nothing left to sign. */
  const end = async (record: IssuerRecord): Promise<void> => {
    const { issuerId, keyId, name } = record;
    const ended = await step(issuerId, async (transaction) => {
      const states = await transaction.crls.shardStates(tenant, issuerId);
      if (states.some(({ endedAt }) => endedAt === undefined)) {
        return false;
      }
      await transaction.issuers.advance(tenant, issuerId, 'retiring', { standing: 'retired' });
      const finalCrls = states.map(({ shard, complete }) => ({
        shard,
        crlNumber: complete?.crlNumber.toString(),
        thisUpdate: complete?.thisUpdate.toISOString(),
        nextUpdate: complete?.nextUpdate.toISOString(),
        entries: complete?.entries,
        sha256: complete?.sha256,
      }));
      await evidence(transaction, systemPrincipal, 'issuer.finalCrl', issuerId, {
        name,
        keyId,
        lastNotAfter: record.lastNotAfter?.toISOString(),
        crls: finalCrls,
      });
      await recordDone(dependencies, transaction, systemPrincipal, {
        act: 'issuer.retired',
        object: issuerId,
        details: { name, finalCrls },
      });
      return true;
    });
    if (!ended) {
      return;
    }
    log('warn', 'an issuer is retired: its key has nothing left to sign and is to be destroyed', {
      issuer: name,
      keyId,
      next: `chancery key destroy ${keyId}`,
    });
    if (record.kind === 'root') {
      await recordBundle();
    }
  };

  /** The root is out of the bundle: which anchors are in it from now on. */
  const recordBundle = async (): Promise<void> => {
    const { etag, name, anchors } = defaultBundle(await issuers.all());
    await unitOfWork.run(async (transaction) =>
      evidence(transaction, systemPrincipal, 'trust.bundle', name, {
        version: etag,
        anchors: anchors.map(({ subject, sha256 }) => ({ subject, sha256 })),
      }),
    );
  };

  const evidence = async (
    transaction: Transaction,
    by: Principal,
    kind: string,
    subject: string,
    document: Readonly<Record<string, unknown>>,
  ): Promise<void> => {
    await transaction.evidence.append(tenant, {
      kind,
      subject,
      at: clock.now(),
      by: by.name,
      document,
    });
  };

  return {
    async turn() {
      const retiring = (await issuers.all()).filter(({ record }) => record.standing === 'retiring');
      // What keeps one from going on keeps no other.
      await inTurn(
        retiring.map(({ record }) => async () => {
          const now = clock.now();
          const since = now.getTime() - (record.retiringSince?.getTime() ?? now.getTime());
          if (record.closedAt !== undefined) {
            await end(record);
          } else if (record.lastNotAfter !== undefined) {
            if (now > record.lastNotAfter) await close(record);
          } else if (since >= settledAfterMilliseconds) {
            await narrow(record);
            await settle(record);
          } else if (since >= narrowedAfterMilliseconds) {
            await narrow(record);
          }
        }),
      );
    },
  };
}
