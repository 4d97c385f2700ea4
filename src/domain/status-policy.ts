/**
 * How an issuer tells status: kept with the issuer, changed by an administrator, read by CRL
 * publication, by issuance (which shard a certificate points to) and by OCSP responders.
 */
export interface StatusPolicy {
  readonly crl: {
    /** Over how many open shards new certificates are spread, 1 to {@link maximumShards}. */
    readonly shards: number;
    /**
     * `all`: one CRL speaks of CA and end-entity certificates. `separate`: CA certificates have a
     * shard of their own, and both kinds say so in issuingDistributionPoint (RFC 5280 §5.2.5).
     */
    readonly scopes: 'all' | 'separate';
    /** How long a delta CRL is valid; undefined: no delta CRLs (RFC 5280 §5.2.4). */
    readonly deltaSeconds?: number | undefined;
    /** Entries stay after their certificates' expiry, and expiredCertsOnCRL says since when. */
    readonly keepExpired: boolean;
  };
  readonly ocsp: {
    /** RFC 6960 §2.2: a certificate that was never issued is answered as revoked. */
    readonly extendedRevoke: boolean;
    /** RFC 6960 §4.4.4: for how long after its expiry a certificate's status is told. */
    readonly archiveCutoffSeconds?: number | undefined;
  };
}

/** More would only make files of a few octets: 128 shards hold ten million certificates well. */
export const maximumShards = 1024;

/** What an issuer has until somebody says otherwise: one complete CRL of everything. */
export const defaultStatusPolicy: StatusPolicy = {
  crl: { shards: 1, scopes: 'all', keepExpired: false },
  ocsp: { extendedRevoke: false },
};

/** Which certificates a shard's CRL speaks of (RFC 5280 §5.2.5). */
export type CrlScope = 'all' | 'endEntity' | 'ca';
