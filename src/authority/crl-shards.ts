import type { CrlScope, SerialNumber, StatusPolicy } from '../domain/index.ts';
import type { CertificateRecord, CrlShard, CrlShardState, IssuerRecord } from './ports.ts';

/** A shard that new certificates may get. */
export interface OpenShard {
  readonly shard: number;
  readonly scope: CrlScope;
}

/** What the choice of a shard needs to know of an issuer. */
export interface Sharding {
  readonly scopes: StatusPolicy['crl']['scopes'];
  readonly open: readonly OpenShard[];
}

/** The URL of a shard's complete CRL: what stands in the CRLDP of its certificates and in its IDP. */
export function shardUrl(urls: IssuerRecord['urls'], shard: number): string {
  return beside(urls.crl, `${shard}.crl`);
}

/** The URL of a shard's delta CRL: what freshestCRL names (RFC 5280 §5.2.6). */
export function deltaUrl(urls: IssuerRecord['urls'], shard: number): string {
  return beside(urls.crl, `${shard}-delta.crl`);
}

/** As text: what stands in certificates is compared octet for octet, and no URL parser may tidy it up. */
function beside(url: string, name: string): string {
  return `${url.slice(0, url.lastIndexOf('/') + 1)}${name}`;
}

/** Which scope speaks of a certificate of this type under a policy. */
function scopeOf(type: CertificateRecord['type'], scopes: StatusPolicy['crl']['scopes']): CrlScope {
  if (scopes === 'all') {
    return 'all';
  }
  return type === 'ca' ? 'ca' : 'endEntity';
}

/** onlyContainsUserCerts and onlyContainsCACerts (RFC 5280 §5.2.5); neither for a shard of everything. */
export function scopeFlags(scope: CrlScope): {
  readonly onlyContainsUserCerts?: true;
  readonly onlyContainsCACerts?: true;
} {
  switch (scope) {
    case 'all':
      return {};
    case 'endEntity':
      return { onlyContainsUserCerts: true };
    case 'ca':
      return { onlyContainsCACerts: true };
  }
}

/**
 * The shard of a certificate to be issued: by the last octets of its serial number, which are random,
 * evenly over the open shards of the right scope; where none of it is open, over those that speak of
 * everything. The same serial number and shards give the same one.
 *
 * @param refused shards that turned out to be retired
 * @returns undefined when no shard may take it
 */
export function chooseShard(
  serialNumber: SerialNumber,
  type: CertificateRecord['type'],
  { scopes, open }: Sharding,
  refused: ReadonlySet<number> = new Set(),
): number | undefined {
  for (const wanted of new Set([scopeOf(type, scopes), 'all'] as const)) {
    const candidates = open
      .filter(({ scope, shard }) => scope === wanted && !refused.has(shard))
      .map(({ shard }) => shard)
      .sort((a, b) => a - b);
    if (candidates.length > 0) {
      return candidates[Number.parseInt(serialNumber.slice(-8), 16) % candidates.length];
    }
  }
  return undefined;
}

/**
 * The shard of a certificate that was made elsewhere: the one whose CRL it names itself, if that is
 * open and speaks of its type, since relying parties look there; otherwise one as for a new certificate.
 *
 * @returns undefined when no shard may take it
 */
export function shardOfExisting(
  certificate: {
    readonly serialNumber: SerialNumber;
    readonly type: CertificateRecord['type'];
    /** URLs of its CRLDP. */
    readonly crlUrls: readonly string[];
  },
  urls: IssuerRecord['urls'],
  sharding: Sharding,
): number | undefined {
  const { serialNumber, type, crlUrls } = certificate;
  const named = sharding.open.find(
    ({ shard, scope }) =>
      ['all', scopeOf(type, 'separate')].includes(scope) && crlUrls.includes(shardUrl(urls, shard)),
  );
  return named?.shard ?? chooseShard(serialNumber, type, sharding);
}

/**
 * The shards that new certificates get: open, and with a CRL published, since a certificate must not
 * point to a file that is not there yet. Where a scope has none published, those that are open.
 */
export function openShardsOf(states: readonly CrlShardState[]): readonly OpenShard[] {
  const open = states.filter(({ retiredAt }) => retiredAt === undefined);
  const published = open.filter(({ complete }) => complete !== undefined);
  return open
    .filter(
      (shard) =>
        shard.complete !== undefined || !published.some(({ scope }) => scope === shard.scope),
    )
    .map(({ shard, scope }) => ({ shard, scope }));
}

/**
 * The shards that a policy needs beside those that are open: numbers after the highest that ever was,
 * since a retired shard's number stands in certificates for good.
 */
export function shardsToOpen(
  { shards, scopes }: StatusPolicy['crl'],
  known: readonly Pick<CrlShard, 'shard' | 'scope' | 'retiredAt'>[],
): readonly OpenShard[] {
  const isOpen = (wanted: CrlScope): number =>
    known.filter(({ scope, retiredAt }) => scope === wanted && retiredAt === undefined).length;
  const missing: CrlScope[] = [];
  if (scopes === 'separate' && isOpen('ca') === 0) {
    missing.push('ca');
  }
  const scope = scopes === 'separate' ? 'endEntity' : 'all';
  missing.push(...Array<CrlScope>(Math.max(0, shards - isOpen(scope))).fill(scope));
  const next = known.reduce((highest, { shard }) => Math.max(highest, shard), -1) + 1;
  return missing.map((of, index) => ({ shard: next + index, scope: of }));
}
