import type { CertID, CertStatus, SingleResponse } from '../src/pkix/index.ts';
import type { Compromise } from './issuers.ts';
import type { StatusRecord } from './ports.ts';

/** How long an answer of `unknown` is valid at most: the certificate may be issued at any moment. */
const unknownValiditySeconds = 300;

/**
 * certStatus of one serial number of a known issuer (RFC 6960 §2.2).
 *
 * `good` only for a certificate that was issued and is good: a serial number without a record, or
 * one whose signature is not committed, is `unknown`. An abandoned issuance may exist somewhere
 * and is shown as its record says, revoked. An expired certificate keeps its truthful status; no
 * archive cutoff is sent (§4.4.4). A record that is not good without saying since when is shown as
 * revoked from the reading on: 1970 would claim that it was never issued (§2.2).
 */
export function certStatusOf(
  record: StatusRecord | undefined,
  compromise: Compromise | undefined,
  asOf: Date,
): CertStatus {
  if (record === undefined || record.issuanceState === 'prepared') {
    return { type: 'unknown' };
  }
  switch (record.status) {
    case 'onHold':
      return revoked(record.notGoodSince ?? asOf, 'certificateHold');
    case 'revoked':
      return revoked(record.notGoodSince ?? asOf, record.reasonCode);
    case 'good':
      if (record.issuanceState !== 'issued') {
        return { type: 'unknown' };
      }
      return compromise === undefined
        ? { type: 'good' }
        : revoked(compromise.since ?? asOf, compromise.reasonCode);
  }
}

/** `unspecified` is expressed by leaving the reason out, as in CRLs (RFC 5280 §5.3.1). */
function revoked(since: Date, reasonCode: StatusRecord['reasonCode']): CertStatus {
  return {
    type: 'revoked',
    revocationTime: wholeSeconds(since),
    reasonCode: reasonCode === 'unspecified' ? undefined : reasonCode,
  };
}

/**
 * The SingleResponse for one certID, which is echoed byte for byte.
 *
 * @param thisUpdate when the status was read
 * @param latest the delegate's notAfter: nothing is promised beyond it (RFC 9919 §3.2.4)
 */
export function singleResponse(input: {
  readonly certID: CertID;
  readonly certStatus: CertStatus;
  readonly thisUpdate: Date;
  readonly validitySeconds: number;
  readonly latest: Date;
}): SingleResponse {
  const { certID, certStatus, validitySeconds, latest } = input;
  const thisUpdate = wholeSeconds(input.thisUpdate);
  const seconds =
    certStatus.type === 'unknown'
      ? Math.min(validitySeconds, unknownValiditySeconds)
      : validitySeconds;
  const nextUpdate = new Date(Math.min(thisUpdate.getTime() + seconds * 1000, latest.getTime()));
  return { certID, certStatus, thisUpdate, nextUpdate: wholeSeconds(nextUpdate) };
}

/** GeneralizedTime in OCSP has no fraction (RFC 6960 §4.2.2.1 by RFC 5280 §4.1.2.5.2). */
export function wholeSeconds(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1000) * 1000);
}
