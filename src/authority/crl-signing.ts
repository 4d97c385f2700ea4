import { ChanceryError } from '../domain/index.ts';
import { type IssuedCrl, issueCrl, prepareCrl } from '../issuance/index.ts';
import type { EncodedEntries } from '../issuance/ports.ts';
import { CertificateListStream, entriesOnlyInStream } from '../pkix/index.ts';
import { refuseLostDeltaEntries, refuseVanishedEntries } from './crl-comparison.ts';
import { type DeltaBase, endOfTime } from './crl-reservation.ts';
import { deltaUrl, scopeFlags, shardUrl } from './crl-shards.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';
import { type ObservedSigner, observedSigner } from './observed-signer.ts';
import type { CrlRecord, CrlShardState } from './ports.ts';
import { crlPath } from './published-paths.ts';
import { readable, verifyPublishable } from './readable-crl.ts';

/** A CRL with its number and entries, before its signature. */
export interface CrlDraft {
  readonly record: CrlRecord;
  readonly entries: EncodedEntries;
  /** Of a delta. */
  readonly base?: DeltaBase | undefined;
}

/** A CRL that may be published over the file it was compared with. */
export interface SignedCrl {
  readonly record: CrlRecord;
  readonly issued: IssuedCrl;
  /** The version of that file; null when there is none. */
  readonly replaces: string | null;
  /** For the audit record: which token signed. */
  readonly facts: ReturnType<ObservedSigner['facts']>;
}

/**
 * Prepares, lints, signs, reads again and compares with the one before (RFC 5280 §5.2).
 *
 * @throws ChanceryError lintFailed, internal, issuanceHalted when an entry would vanish without a reason
 */
export async function signCrl(
  dependencies: AuthorityDependencies,
  issuer: LoadedIssuer,
  state: CrlShardState,
  draft: CrlDraft,
  thisUpdate: Date,
): Promise<SignedCrl> {
  const { clock, signer, settings } = dependencies;
  const { certificate } = issuer.signing;
  const { urls, name } = issuer.record;
  const { record, base, entries } = draft;
  if (certificate === undefined) {
    throw new ChanceryError('illegalTransition', {
      message: `issuer ${name} waits for its chain and has no CRL yet`,
    });
  }
  // The life that was reserved, from the moment that the CRL tells.
  const life = record.nextUpdate.getTime() - record.thisUpdate.getTime();
  const nextUpdate = new Date(Math.min(thisUpdate.getTime() + life, endOfTime.getTime()));
  const distributionPoint = shardUrl(urls, record.shard);
  const freshest = record.deltaSeconds === undefined ? undefined : deltaUrl(urls, record.shard);
  // No entry of an issuer is ever deleted, so all that expired since its beginning is on the list.
  const expiredCertsOnCrl =
    base === undefined && state.statusPolicy.crl.keepExpired
      ? certificate.validity.notBefore
      : undefined;
  const last = previousOf(state);
  const prepared = await prepareCrl({
    tbs: {
      signature: issuer.signing.signatureAlgorithm,
      issuer: certificate.subject,
      thisUpdate,
      nextUpdate,
      crlNumber: record.crlNumber,
      authorityKeyIdentifier: issuer.input.subjectKeyIdentifier,
      baseCrlNumber: record.baseCrlNumber,
      issuingDistributionPoint: {
        fullName: [{ type: 'uniformResourceIdentifier', value: distributionPoint }],
        ...scopeFlags(state.scope),
      },
      freshestCrl: freshest === undefined ? undefined : [freshest],
      expiredCertsOnCrl,
    },
    entries,
    issuer: issuer.signing,
    distributionPoint,
    previous: last,
    baseCrlNumber: record.baseCrlNumber,
    freshestCrl: freshest,
    scope: state.scope,
    expiredCertsOnCrl,
    now: clock.now(),
  });
  const observed = observedSigner(signer);
  const issued = await issueCrl(prepared, observed.signer, settings.signDeadline);
  const replaces = await compare(dependencies, issuer, draft, issued);
  return {
    record: {
      ...record,
      thisUpdate,
      nextUpdate,
      sha256: issued.sha256,
      size: issued.octets,
      entries: entries.count,
    },
    issued,
    replaces,
    facts: observed.facts(),
  };
}

/** The newest CRL of the shard, whatever its kind: they share a sequence of numbers. */
function previousOf({ complete, delta }: CrlShardState): CrlRecord | undefined {
  return delta !== undefined && (complete === undefined || delta.crlNumber > complete.crlNumber)
    ? delta
    : complete;
}

/** @returns the version of the published file that this one may replace; null when there is none */
async function compare(
  dependencies: AuthorityDependencies,
  issuer: LoadedIssuer,
  { record, base }: CrlDraft,
  issued: IssuedCrl,
): Promise<string | null> {
  const { publisher, log } = dependencies;
  const { issuerId } = record;
  const file = await publisher.open(crlPath(issuerId, record.shard, record.kind));
  const before = await readable(issuer, file, log);
  if (before !== undefined && (before.crlNumber ?? 0n) >= record.crlNumber) {
    throw new ChanceryError('overloaded', {
      message: `a newer CRL of ${issuer.record.name} is published already`,
      field: 'lease',
      retryAfter: 2,
    });
  }
  const list = new CertificateListStream(issued.chunks(), issuer.signing.publicKey);
  if (file !== undefined && before !== undefined) {
    const previous = new CertificateListStream(file.chunks());
    try {
      const vanished = entriesOnlyInStream(previous, list);
      if (base === undefined) {
        await refuseVanishedEntries(dependencies, issuerId, before, vanished);
      } else {
        await refuseLostDeltaEntries(dependencies, issuerId, base, before, vanished);
      }
    } finally {
      await previous.close();
    }
  }
  await verifyPublishable(issuer, list, record.crlNumber);
  return file?.version ?? null;
}
