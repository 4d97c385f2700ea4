import { setTimeout as delay } from 'node:timers/promises';
import { withDeadline } from './deadline.ts';
import type { StatusSource } from './ports.ts';
import type { Core, ResponderOptions } from './responder.ts';

/** Milliseconds after which what is asked for most is written down again. */
const askedInterval = 300_000;

/** Longer than any answer takes to make, see `ChangeLedger.forget`. */
const ledgerInterval = 120_000;

/** Starts the loops; the answer ends them. */
export function runInBackground(core: Core, options: ResponderOptions): () => Promise<void> {
  const { timing, feed, delegates, readiness, client, ledger } = core;
  const { log } = options;
  const stopping = new AbortController();
  const every = async (milliseconds: () => number, work: () => Promise<void>): Promise<void> => {
    while (!stopping.signal.aborted) {
      await work().catch((error: unknown) => {
        log('error', 'background work failed', { error });
      });
      await delay(milliseconds(), undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  feed.start();
  core.renewals.start();
  let asked: readonly Uint8Array[] | undefined;
  /** Not before the former list was taken up: a start that fails must not lose it. */
  const writeAsked = async (): Promise<void> => {
    if (asked !== undefined && (options.enrols ?? true)) {
      await core.askedBefore.write(core.cache.compact).catch((error: unknown) => {
        log('warn', 'what is asked for most can not be written down', { error });
      });
    }
  };
  const loops = [
    every(() => askedInterval, writeAsked),
    every(
      () => timing.issuersInterval,
      async () => {
        await refreshIssuers(core, options);
        await delegates.refreshKeys();
      },
    ),
    every(
      () => timing.keyReportInterval,
      async () => {
        if (!(options.enrols ?? true) || options.foreign?.alone === true) return;
        await core.keyUpkeep.turn().catch((error: unknown) => {
          log('warn', 'the CA could not be told of the keys yet', { error });
        });
      },
    ),
    every(
      () => timing.delegatesInterval,
      async () => {
        // Not awaited: a slow enrolment for one issuer must not hold up the others.
        void delegates.maintain(core.enrolled());
        await Promise.resolve();
      },
    ),
    every(
      () => (readiness.own.ready ? timing.readinessInterval : timing.readinessInterval / 10),
      async () => {
        await readiness.check();
        if (readiness.own.ready && asked === undefined) {
          asked = await core.askedBefore.read();
          core.renewals.ahead(asked);
        }
      },
    ),
    every(
      () => timing.clientCertificateInterval,
      async () => {
        // Without a database there is no CA of ours to renew it with.
        if (!(options.enrols ?? true) || options.foreign?.alone === true) {
          return;
        }
        await client.renewWhenDue().catch((error: unknown) => {
          log('warn', "the responder's client certificate can't be renewed yet", { error });
        });
      },
    ),
    every(
      () => ledgerInterval,
      async () => {
        ledger.forget();
        await Promise.resolve();
      },
    ),
  ];
  return async () => {
    stopping.abort();
    core.renewals.stop();
    await feed.stop();
    await Promise.all(loops);
    await writeAsked();
  };
}

/** Picks up new issuers, and whether their own certificates are compromised. */
async function refreshIssuers(core: Core, options: ResponderOptions): Promise<void> {
  const { issuers, lookup, noteStatus, forgetIssuer } = core;
  let rows: Awaited<ReturnType<StatusSource['issuers']>>;
  try {
    rows = await withDeadline(
      options.source.issuers(),
      core.timing.statusDeadline,
      'the view of issuers',
    );
  } catch (error) {
    options.log('warn', 'the issuers cannot be read', { error });
    return;
  }
  const before = issuers.all;
  for (const issuer of issuers.replace(rows)) {
    forgetIssuer(issuer.issuerId);
  }
  for (const { issuerId } of before) {
    if (issuers.byId(issuerId) === undefined) {
      forgetIssuer(issuerId);
    }
  }
  for (const issuer of issuers.unjudged) {
    const { certifiedBy, certificate } = issuer;
    const { records } = await lookup.lookup(certifiedBy, [certificate.serialNumber]);
    for (const record of records.values()) {
      noteStatus(record);
    }
    const again = issuers.isJudged(issuer.issuerId);
    // No source has a nextUpdate that is not after its thisUpdate.
    const withoutSource = [...records.values()].some(
      ({ validity }) => validity !== undefined && validity.nextUpdate <= validity.thisUpdate,
    );
    issuers.judged(issuer.issuerId, withoutSource);
    if (again) continue;
    options.log('info', 'serving an issuer', { issuer: issuer.name, issuerId: issuer.issuerId });
  }
}
