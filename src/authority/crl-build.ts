import { ChanceryError, isChanceryError, type Principal } from '../domain/index.ts';
import type { EntrySpool } from '../issuance/ports.ts';
import { encodeRevokedCertificates } from '../pkix/index.ts';
import { recordDone } from './acts.ts';
import { lacksDelta, planOf } from './crl-plan.ts';
import { type CrlReservation, reserveCrls, wholeSeconds } from './crl-reservation.ts';
import { type CrlDraft, type SignedCrl, signCrl } from './crl-signing.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';
import type { CrlRecord, CrlShardState, CrlSnapshot } from './ports.ts';
import { crlPath } from './published-paths.ts';

export interface CrlBuild {
  readonly issuer: LoadedIssuer;
  readonly shard: number;
  readonly principal: Principal;
  /** `complete`: whatever is published already. `due`: what is due when its turn has come, perhaps nothing. */
  readonly wanted: 'complete' | 'due';
  /** nextUpdate minus thisUpdate of a complete CRL, when a ceremony chose it; otherwise the issuer's. */
  readonly lifetimeSeconds?: number | undefined;
}

/** Kept while the build lasts, see `keepLeases`: a node that dies in the middle is followed within ten seconds. */
const leaseSeconds = 6;

/**
 * Builds what a shard needs, once in the cluster: whoever holds the shard's lease looks again what is
 * due, so that work that another node has done meanwhile is not done twice.
 *
 * @param mayPublish throws while nothing may be signed
 * @param held names of the leases that builds of this process hold
 * @returns the last CRL that was built; undefined when nothing was due
 * @throws ChanceryError overloaded with field `lease` when another node builds it
 */
export async function buildShard(
  dependencies: AuthorityDependencies,
  build: CrlBuild,
  mayPublish: () => Promise<void>,
  held: Set<string>,
): Promise<CrlRecord | undefined> {
  const { leases, settings, log } = dependencies;
  const { issuer, shard } = build;
  const lease = `crl:${issuer.record.issuerId}:${shard}`;
  const fence = await leases.acquire(lease, settings.node, leaseSeconds);
  if (fence === undefined) {
    throw superseded(issuer.record.name);
  }
  const mayGoOn = async (): Promise<void> => {
    await mayPublish();
    if ((await leases.acquire(lease, settings.node, leaseSeconds)) !== fence) {
      throw superseded(issuer.record.name);
    }
  };
  held.add(lease);
  try {
    return await buildUnderLease(dependencies, build, mayGoOn);
  } finally {
    held.delete(lease);
    await leases.release(lease, settings.node).catch((error: unknown) => {
      log('warn', 'a lease was not released; it expires by itself', {
        lease,
        cause: String(error),
      });
    });
  }
}

/**
 * Extends the leases of builds under way: a million entries take longer than a lease lasts. Whoever
 * lost one meanwhile learns it at its next step, by the fencing number.
 */
export async function keepLeases(
  { leases, settings }: Pick<AuthorityDependencies, 'leases' | 'settings'>,
  held: ReadonlySet<string>,
): Promise<void> {
  for (const lease of held) {
    await leases.acquire(lease, settings.node, leaseSeconds);
  }
}

/** Another node builds the same, or has published something newer: no failure. */
export function isSuperseded(error: unknown): boolean {
  return isChanceryError(error) && error.code === 'overloaded' && error.field === 'lease';
}

function superseded(name: string): ChanceryError {
  return new ChanceryError('overloaded', {
    message: `another node is building the CRL of ${name}; it will cover this change or the schedule will`,
    field: 'lease',
    retryAfter: 2,
  });
}

async function buildUnderLease(
  dependencies: AuthorityDependencies,
  build: CrlBuild,
  mayGoOn: () => Promise<void>,
): Promise<CrlRecord | undefined> {
  const look = async (): Promise<CrlShardState> => stateOf(dependencies, build);
  const state = await look();
  const forced = build.wanted === 'complete' && state.endedAt === undefined;
  const plan = forced ? 'complete' : planOf(state, dependencies.clock.now());
  if (plan === 'nothing') {
    return undefined;
  }
  const built = await buildOnce(dependencies, build, state, plan, mayGoOn);
  // The first complete CRL that announces deltas is the base of the first delta, which follows at once.
  // Nothing else does: while changes keep coming, this would not come to an end.
  const after = await look();
  return lacksDelta(after) && after.endedAt === undefined
    ? buildOnce(dependencies, build, after, 'delta', mayGoOn)
    : built;
}

async function stateOf(
  { unitOfWork, tenant }: AuthorityDependencies,
  { issuer, shard }: CrlBuild,
): Promise<CrlShardState> {
  const { issuerId, name } = issuer.record;
  const [state] = await unitOfWork.readOne(async (transaction) =>
    transaction.crls.shardStates(tenant, issuerId, shard),
  );
  if (state === undefined) {
    throw new ChanceryError('notFound', {
      message: `issuer ${name} has no shard ${shard}`,
      field: 'shard',
    });
  }
  return state;
}

async function buildOnce(
  dependencies: AuthorityDependencies,
  { issuer, principal, lifetimeSeconds }: CrlBuild,
  state: CrlShardState,
  plan: 'complete' | 'delta',
  mayGoOn: () => Promise<void>,
): Promise<CrlRecord> {
  const { failpoint } = dependencies;
  const reservation = await reserveCrls(dependencies, issuer, state, plan, lifetimeSeconds);
  failpoint('crl.1-after-number');
  const spools: EntrySpool[] = [];
  const openSpool = (): EntrySpool => {
    const spool = dependencies.entrySpools.open();
    spools.push(spool);
    return spool;
  };
  try {
    const { drafts, snapshot } = await readEntries(dependencies, reservation, openSpool);
    // Read after the snapshot: no revocationDate in it lies past thisUpdate.
    const thisUpdate = wholeSeconds(dependencies.clock.now());
    // After the clock was read: one that jumped during the build must not date this CRL (T-CLK-2).
    await mayGoOn();
    const signed: SignedCrl[] = [];
    for (const draft of drafts) {
      signed.push(await signCrl(dependencies, issuer, state, draft, thisUpdate));
    }
    failpoint('crl.2-after-signature');
    // Whoever lost its lease meanwhile (stopped, swapped out) ends before the file, not after it.
    await mayGoOn();
    // The complete one first: a delta must not speak of a number that nobody can fetch.
    for (const crl of signed) {
      await publishFile(dependencies, issuer, crl);
      // Of a complete and a delta CRL, after each.
      failpoint('crl.3-after-file');
    }
    const published = signed.map(
      ({ record }): CrlRecord => ({ ...record, snapshot, publishedAt: dependencies.clock.now() }),
    );
    const facts = signed.map((crl) => crl.facts);
    await recordPublication(dependencies, principal, state, published, facts);
    failpoint('crl.4-after-commit');
    const [first] = published;
    if (first === undefined) {
      throw new TypeError('nothing was built');
    }
    return first;
  } finally {
    await Promise.all(spools.map(async (spool) => spool.discard()));
  }
}

/** Complete and delta from one snapshot: they speak of the same moment. */
async function readEntries(
  { unitOfWork, tenant }: AuthorityDependencies,
  { complete, delta, stillListedFrom }: CrlReservation,
  openSpool: () => EntrySpool,
): Promise<{ readonly drafts: readonly CrlDraft[]; readonly snapshot: CrlSnapshot }> {
  return unitOfWork.read(async (transaction) => {
    const snapshot = await transaction.crls.snapshot();
    const drafts: CrlDraft[] = [];
    if (complete !== undefined) {
      const spool = openSpool();
      const { issuerId, shard } = complete;
      for await (const chunk of transaction.inventory.crlEntries(
        tenant,
        issuerId,
        shard,
        stillListedFrom,
      )) {
        await spool.write(encodeRevokedCertificates(chunk), chunk.length);
      }
      drafts.push({ record: complete, entries: await spool.close() });
    }
    if (delta !== undefined) {
      const spool = openSpool();
      const { issuerId, shard } = delta.record;
      for await (const chunk of transaction.crls.deltaEntries(
        tenant,
        issuerId,
        shard,
        delta.base.snapshot,
      )) {
        await spool.write(encodeRevokedCertificates(chunk), chunk.length);
      }
      drafts.push({ record: delta.record, base: delta.base, entries: await spool.close() });
    }
    return { drafts, snapshot };
  });
}

/** Only over the file that was compared with: of two nodes that build the same, the later one ends here. */
async function publishFile(
  { publisher }: AuthorityDependencies,
  { record: { name } }: LoadedIssuer,
  { record, issued, replaces }: SignedCrl,
): Promise<void> {
  const path = crlPath(record.issuerId, record.shard, record.kind);
  try {
    await publisher.publishStream(path, issued.octets, issued.chunks(), { version: replaces });
  } catch (error) {
    throw isChanceryError(error) && error.code === 'storeConflict' ? superseded(name) : error;
  }
}

async function recordPublication(
  dependencies: AuthorityDependencies,
  principal: Principal,
  state: CrlShardState,
  published: readonly CrlRecord[],
  /** Of each, which token signed it. */
  facts: readonly SignedCrl['facts'][],
): Promise<void> {
  const { unitOfWork, tenant } = dependencies;
  await unitOfWork.run(async (transaction) => {
    for (const [at, record] of published.entries()) {
      const { issuerId, shard, kind, crlNumber, baseCrlNumber, entries } = record;
      const { thisUpdate, nextUpdate, sha256 } = record;
      await transaction.crls.markPublished(record);
      await recordDone(dependencies, transaction, principal, {
        act: 'crl.publish',
        object: issuerId,
        details: {
          crlNumber,
          shard,
          kind,
          ...(baseCrlNumber === undefined ? {} : { baseCrlNumber }),
          entries,
          thisUpdate,
          nextUpdate,
          sha256,
          ...facts[at],
        },
      });
      if (kind === 'complete' && isLast(state, record)) {
        await transaction.crls.endShard(tenant, issuerId, shard, thisUpdate);
      }
    }
  });
}

/** Of a retired shard, the CRL past its last certificate's notAfter (RFC 5280 §3.3). */
export function isLast(
  { lastNotAfter, statusPolicy, issuerClosed }: CrlShardState,
  { thisUpdate }: Pick<CrlRecord, 'thisUpdate'>,
): boolean {
  return (
    lastNotAfter !== undefined &&
    thisUpdate > lastNotAfter &&
    (issuerClosed || !statusPolicy.crl.keepExpired)
  );
}
