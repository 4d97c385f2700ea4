import {
  ChanceryError,
  type IssuerId,
  isChanceryError,
  type Principal,
  systemPrincipal,
} from '../domain/index.ts';
import { issueCrl, prepareCrl } from '../issuance/index.ts';
import type { EncodedEntries } from '../issuance/ports.ts';
import { type Certificate, encodeRevokedCertificates } from '../pkix/index.ts';
import { recordDone } from './acts.ts';
import { refuseVanishedEntries } from './crl-comparison.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import type { LoadedIssuer, LoadedIssuers } from './loaded-issuers.ts';
import { collected } from './octets.ts';
import type { CrlRecord } from './ports.ts';
import { publishedFilesLook } from './published-files.ts';
import { crlPath } from './published-paths.ts';
import { readable, verifyPublishable } from './readable-crl.ts';

/** One build at a time an issuer; the next covers all that was committed before it began. */
export interface CrlPublication {
  /** Publishes soon; requests that come while one is built are answered by one more build. */
  request(issuerId: IssuerId): void;
  /** Publishes and answers when a CRL that covers everything committed before the call is out. */
  publish(issuer: LoadedIssuer, principal: Principal): Promise<CrlRecord>;
  /** Publishes what is due: half of the last CRL's life is over, or changes are not covered yet. */
  publishDue(): Promise<void>;
  /** Why the newest CRLs are not fresh; empty when all are. */
  problems(): readonly string[];
  /** Waits for builds under way. */
  settle(): Promise<void>;
}

const leaseSeconds = 30;
const retryAfterMilliseconds = 5000;
/** RFC 5280 §5.2.5 shard; this issue knows complete CRLs only. */
const onlyShard = 0;

export function crlPublication(
  dependencies: AuthorityDependencies,
  issuers: LoadedIssuers,
  /** Throws while nothing may be signed: a database that went back, a wrong clock. */
  mayPublish: () => Promise<void>,
): CrlPublication {
  const looked = publishedFilesLook(dependencies);
  const { log, unitOfWork, clock, tenant } = dependencies;
  /** Per issuer: the build under way, and the one that waits for it. */
  const running = new Map<IssuerId, Promise<CrlRecord>>();
  const waiting = new Map<IssuerId, Promise<CrlRecord>>();
  const failures = new Map<IssuerId, { readonly reason: string; readonly at: Date }>();

  const start = (issuer: LoadedIssuer, principal: Principal): Promise<CrlRecord> => {
    const { issuerId, name } = issuer.record;
    const build = mayPublish()
      .then(async () => buildCrl(dependencies, issuer, principal, mayPublish))
      .then((record) => {
        failures.delete(issuerId);
        return record;
      })
      .catch((error: unknown) => {
        // Another node builds it, which is no failure.
        if (isChanceryError(error) && error.code === 'overloaded' && error.field === 'lease') {
          throw error;
        }
        failures.set(issuerId, {
          reason: `CRL of ${name}: ${isChanceryError(error) ? error.message : 'internal error'}`,
          at: clock.now(),
        });
        throw error;
      })
      .finally(() => {
        if (running.get(issuerId) === build) {
          running.delete(issuerId);
        }
      });
    running.set(issuerId, build);
    return build;
  };

  const publish = (issuer: LoadedIssuer, principal: Principal): Promise<CrlRecord> => {
    const { issuerId } = issuer.record;
    // Asked first: between the end of a build and the start of the one that waits, none is running.
    const next = waiting.get(issuerId);
    if (next !== undefined) {
      return next;
    }
    const current = running.get(issuerId);
    if (current === undefined) {
      return start(issuer, principal);
    }
    const queued = current
      .catch(() => undefined)
      .then(() => {
        waiting.delete(issuerId);
        return start(issuer, principal);
      });
    waiting.set(issuerId, queued);
    return queued;
  };

  const inBackground = (issuer: LoadedIssuer): void => {
    publish(issuer, systemPrincipal).catch((error: unknown) => {
      const busy = isChanceryError(error) && error.field === 'lease';
      log(busy ? 'info' : 'alarm', 'a CRL was not published; the schedule tries again', {
        issuer: issuer.record.name,
        cause: isChanceryError(error) ? error.message : String(error),
      });
    });
  };

  /** Each try takes a number and a signature: a full disk must not use them up twice a second. */
  const failedJustNow = (issuerId: IssuerId, now: Date): boolean => {
    const failure = failures.get(issuerId);
    return (
      failure !== undefined &&
      Math.abs(now.getTime() - failure.at.getTime()) < retryAfterMilliseconds
    );
  };

  return {
    publish,
    request(issuerId) {
      issuers.byNameOrId(issuerId).then(inBackground, (error: unknown) => {
        log('warn', 'a CRL could not be requested; the schedule will', {
          issuerId,
          cause: String(error),
        });
      });
    },
    async publishDue() {
      const now = clock.now();
      for (const issuer of await issuers.all()) {
        const { issuerId, state } = issuer.record;
        if (state !== 'active' || running.has(issuerId) || failedJustNow(issuerId, now)) {
          continue;
        }
        const last = await unitOfWork.read(async (transaction) =>
          transaction.crls.latestPublished(tenant, issuerId, onlyShard),
        );
        const damaged = last !== undefined && !(await looked.isWhole(issuer, last));
        const due = await unitOfWork.read(async (transaction) => {
          // A failure is made good even when nothing else is due, or it would stand for half a life.
          if (last === undefined || damaged || failures.has(issuerId)) {
            return true;
          }
          const half = (last.thisUpdate.getTime() + last.nextUpdate.getTime()) / 2;
          return (
            now.getTime() >= half ||
            (await transaction.inventory.latestChange(tenant, issuerId, onlyShard)) >
              last.coversChange
          );
        });
        if (due) {
          inBackground(issuer);
        }
      }
    },
    problems() {
      return [...failures.values()].map(({ reason }) => reason);
    },
    async settle() {
      await Promise.allSettled([...running.values(), ...waiting.values()]);
    },
  };
}

async function buildCrl(
  dependencies: AuthorityDependencies,
  issuer: LoadedIssuer,
  principal: Principal,
  mayPublish: () => Promise<void>,
): Promise<CrlRecord> {
  const { leases, settings } = dependencies;
  const { issuerId, name } = issuer.record;
  const lease = `crl:${issuerId}`;
  const fence = await leases.acquire(lease, settings.node, leaseSeconds);
  if (fence === undefined) {
    throw superseded(name);
  }
  const mayGoOn = async (): Promise<void> => {
    await mayPublish();
    if ((await leases.acquire(lease, settings.node, leaseSeconds)) !== fence) {
      throw superseded(name);
    }
  };
  try {
    return await buildUnderLease(dependencies, issuer, principal, mayGoOn);
  } finally {
    await leases.release(lease, settings.node).catch((error: unknown) => {
      dependencies.log('warn', 'a lease was not released; it expires by itself', {
        lease,
        cause: String(error),
      });
    });
  }
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
  issuer: LoadedIssuer,
  principal: Principal,
  mayGoOn: () => Promise<void>,
): Promise<CrlRecord> {
  const { unitOfWork, clock, failpoint, tenant } = dependencies;
  const { issuerId } = issuer.record;
  const certificate = issuer.signing.certificate;
  if (certificate === undefined) {
    throw new ChanceryError('illegalTransition', {
      message: `issuer ${issuer.record.name} waits for its chain and has no CRL yet`,
    });
  }
  const path = crlPath(issuerId, onlyShard);
  const lifetime = issuer.record.crlLifetimeSeconds * 1000;

  // The number first, committed and never reused; then the snapshot: a build with a lower number
  // can't hold less than one that reserved later, whatever the nodes' timing.
  const reservedAt = clock.now();
  const { reserved, previous } = await unitOfWork.run(async (transaction) => {
    const last = await transaction.crls.latestPublished(tenant, issuerId, onlyShard);
    refuseClockGoneBack(reservedAt, last);
    return {
      previous: last,
      reserved: await transaction.crls.reserveNumber(
        tenant,
        issuerId,
        onlyShard,
        reservedAt,
        new Date(reservedAt.getTime() + lifetime),
        await transaction.inventory.latestChange(tenant, issuerId, onlyShard),
      ),
    };
  });
  failpoint('crl.1-after-number');

  const spool = dependencies.entrySpools.open();
  try {
    await unitOfWork.read(async (transaction) => {
      // An entry leaves only after one CRL issued past notAfter (RFC 5280 §3.3).
      const stillListedFrom = previous?.thisUpdate ?? new Date(0);
      for await (const chunk of transaction.inventory.crlEntries(
        tenant,
        issuerId,
        onlyShard,
        stillListedFrom,
      )) {
        await spool.write(encodeRevokedCertificates(chunk), chunk.length);
      }
    });
    return await signAndPublish(dependencies, issuer, principal, mayGoOn, {
      certificate,
      path,
      lifetime,
      reserved,
      previous,
      encodedEntries: await spool.close(),
    });
  } finally {
    await spool.discard();
  }
}

async function signAndPublish(
  dependencies: AuthorityDependencies,
  issuer: LoadedIssuer,
  principal: Principal,
  mayGoOn: () => Promise<void>,
  build: {
    readonly certificate: Certificate;
    readonly path: string;
    /** Milliseconds. */
    readonly lifetime: number;
    readonly reserved: CrlRecord;
    readonly previous: CrlRecord | undefined;
    readonly encodedEntries: EncodedEntries;
  },
): Promise<CrlRecord> {
  const { unitOfWork, clock, signer, publisher, settings, failpoint, log } = dependencies;
  const { issuerId } = issuer.record;
  const { certificate, path, lifetime, reserved, previous, encodedEntries } = build;
  const entries = encodedEntries.count;
  // Read after the snapshot: no revocationDate in it lies past thisUpdate.
  const thisUpdate = wholeSeconds(clock.now());
  const nextUpdate = new Date(thisUpdate.getTime() + lifetime);
  // After the clock was read: one that jumped during the build must not date this CRL (T-CLK-2).
  await mayGoOn();
  const prepared = await prepareCrl({
    tbs: {
      signature: issuer.signing.signatureAlgorithm,
      issuer: certificate.subject,
      thisUpdate,
      nextUpdate,
      crlNumber: reserved.crlNumber,
      authorityKeyIdentifier: issuer.input.subjectKeyIdentifier,
      issuingDistributionPoint: {
        fullName: [{ type: 'uniformResourceIdentifier', value: issuer.record.urls.crl }],
      },
    },
    entries: encodedEntries,
    issuer: issuer.signing,
    distributionPoint: issuer.record.urls.crl,
    previous:
      previous === undefined
        ? undefined
        : { crlNumber: previous.crlNumber, thisUpdate: previous.thisUpdate },
    now: clock.now(),
  });
  const issued = await issueCrl(prepared, signer, settings.signDeadline);
  failpoint('crl.2-after-signature');

  const der = await collected(issued.chunks());
  const list = verifyPublishable(issuer, der, reserved.crlNumber);
  const before = readable(await publisher.read(path), log);
  if ((before?.crlNumber ?? 0n) >= reserved.crlNumber) {
    throw superseded(issuer.record.name);
  }
  await refuseVanishedEntries(dependencies, issuerId, before, list);
  const published: CrlRecord = {
    ...reserved,
    thisUpdate,
    nextUpdate,
    publishedAt: clock.now(),
    sha256: issued.sha256,
    size: issued.octets,
    entries,
  };
  // Whoever lost its lease meanwhile (stopped, swapped out) ends before the file, not after it.
  await mayGoOn();
  await publisher.publish(path, der);
  failpoint('crl.3-after-file');
  await unitOfWork.run(async (transaction) => {
    await transaction.crls.markPublished(published);
    await recordDone(dependencies, transaction, principal, {
      act: 'crl.publish',
      object: issuerId,
      details: {
        crlNumber: published.crlNumber,
        entries,
        thisUpdate,
        nextUpdate,
        sha256: published.sha256,
      },
    });
  });
  failpoint('crl.4-after-commit');
  return published;
}

function wholeSeconds(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1000) * 1000);
}

/** thisUpdate never goes back, and a wrong clock must not date a CRL (T-CLK-1). */
function refuseClockGoneBack(now: Date, last: CrlRecord | undefined): void {
  if (last !== undefined && wholeSeconds(now) < last.thisUpdate) {
    throw new ChanceryError('issuanceHalted', {
      message: `the clock reads ${now.toISOString()}, before the last CRL's thisUpdate ${last.thisUpdate.toISOString()}; set the clock right, the schedule tries again`,
      clause: 'RFC 5280 §5.1.2.4',
      retryAfter: 60,
    });
  }
}
