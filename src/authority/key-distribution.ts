import { createHash } from 'node:crypto';
import { ChanceryError, type Principal } from '../domain/index.ts';
import type { KeyDistribution } from '../keys/index.ts';
import { recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import { type LoadedIssuer, requireCertificate } from './loaded-issuers.ts';
import type { IssuerRecord, Transaction } from './ports.ts';
import { caPath } from './published-paths.ts';
import { defaultBundle } from './trust-anchors.ts';

type Channel = KeyDistribution['channel'];

/** What relying parties must be able to fetch before an issuer's key is used (SP 800-57 Part 1 §8.1.5.1.1). */
function channelsOf({ kind }: Pick<IssuerRecord, 'kind'>): readonly Channel[] {
  return kind === 'root' ? ['caCertificate', 'trustBundle'] : ['caCertificate'];
}

/**
 * Publishes an issuer's certificate, and records where and since when its public key is to be had; a
 * root's in the trust bundle as well. What is recorded already is not recorded again.
 *
 * @throws ChanceryError illegalTransition while the issuer has no certificate
 */
export async function distributeKey(
  { dependencies, issuers }: AuthorityContext,
  principal: Principal,
  issuer: LoadedIssuer,
): Promise<void> {
  const { publisher, unitOfWork, clock, tenant, settings } = dependencies;
  const { der } = requireCertificate(issuer);
  const { issuerId, keyId, urls } = issuer.record;
  await publisher.publish(caPath(issuerId), der);
  const bundle = defaultBundle(await issuers.all());
  const places: Readonly<Record<string, { readonly location: string; readonly sha256: string }>> = {
    caCertificate: {
      location: urls.caIssuers,
      sha256: createHash('sha256').update(der).digest('hex'),
    },
    trustBundle: {
      location: `${settings.distributionUrl}/bundles/${bundle.name}.pem`,
      sha256: bundle.etag,
    },
  };
  await unitOfWork.run(async (transaction) => {
    // Locked: of two nodes that do it at once, the second finds what the first recorded.
    await transaction.keys.findForUpdate(tenant, keyId);
    const known = await transaction.keys.distributions(tenant, keyId);
    for (const channel of channelsOf(issuer.record)) {
      const place = places[channel];
      if (place === undefined || known.some((one) => one.channel === channel)) {
        continue;
      }
      await transaction.keys.recordDistribution(tenant, {
        keyId,
        channel,
        ...place,
        at: clock.now(),
        by: principal.name,
      });
      await recordDone(dependencies, transaction, principal, {
        act: 'key.distribute',
        object: keyId,
        details: { issuerId, channel, ...place },
      });
    }
  });
}

/** The moment from which the key may be activated; undefined while it is not distributed everywhere. */
export function mayActivateFrom(
  record: Pick<IssuerRecord, 'kind' | 'predecessorId'>,
  distributions: readonly KeyDistribution[],
  settings: AuthorityDependencies['settings'],
): Date | undefined {
  const first = channelsOf(record).map((channel) =>
    Math.min(
      ...distributions.filter((one) => one.channel === channel).map(({ at }) => at.getTime()),
    ),
  );
  const since = Math.max(...first);
  // The first issuer of its kind is known to nobody yet who would have to learn of it.
  const wait = record.predecessorId === undefined ? 0 : settings.distributeBeforeActivationSeconds;
  return Number.isFinite(since) ? new Date(since + wait * 1000) : undefined;
}

/**
 * Activation is refused until the new public key has been distributed for as long as is configured.
 *
 * @param at when it is to be activated
 * @throws ChanceryError illegalTransition saying what is missing, or from when on it is possible
 */
export async function requireDistributed(
  { settings }: Pick<AuthorityDependencies, 'settings'>,
  transaction: Transaction,
  record: IssuerRecord,
  at: Date,
): Promise<void> {
  const known = await transaction.keys.distributions(record.tenant, record.keyId);
  const from = mayActivateFrom(record, known, settings);
  if (from !== undefined && from <= at) {
    return;
  }
  const missing = channelsOf(record).filter((channel) =>
    known.every((one) => one.channel !== channel),
  );
  throw new ChanceryError('illegalTransition', {
    message:
      from === undefined
        ? `issuer ${record.name} is not activated: its public key is not distributed yet (${missing.join(', ')} is missing); the schedule publishes it, look at \`chancery issuer rollover status ${record.name}\``
        : `issuer ${record.name} is not activated: its public key must be distributed for ${settings.distributeBeforeActivationSeconds} s first, which is so at ${from.toISOString()}; name that time or a later one (--at)`,
    field: 'at',
    clause: 'SP 800-57 Part 1 §8.1.5.1.1',
  });
}
