import {
  archiveCutoffExtension,
  type CertID,
  type CertStatus,
  type Extension,
  encodeInvalidityDate,
  type SingleResponse,
} from '../src/pkix/index.ts';
import type { Compromise } from './issuers.ts';
import type { AnswerPolicy, StatusRecord } from './ports.ts';

/** How long an answer about a certificate that was not issued is valid at most: it may be at any moment. */
const notIssuedValiditySeconds = 300;

/**
 * certStatus of one serial number of a known issuer (RFC 6960 §2.2).
 *
 * `good` only for a certificate that was issued and is good: a serial number without a record, or
 * one whose signature is not committed, is `unknown`, or `revoked` since 1970 where the issuer
 * declares the extended definition of revoked (§4.4.8). An abandoned issuance may exist somewhere
 * and is shown as its record says, revoked. An expired certificate keeps its truthful status. A
 * record that is not good without saying since when is shown as revoked from the reading on: 1970
 * would claim that it was never issued (§2.2).
 *
 * Under a compromised issuer nothing is good (§2.7), and a serial number without a record is `revoked`
 * like all others: that nobody here issued it says nothing any more about what the key has signed.
 */
export function certStatusOf(
  record: StatusRecord | undefined,
  compromise: Compromise | undefined,
  asOf: Date,
  policy?: AnswerPolicy,
): CertStatus {
  if (record === undefined || record.issuanceState === 'prepared') {
    // Whoever has the key signs under serial numbers that no register has.
    if (compromise !== undefined) return revoked(compromise.since ?? asOf, compromise.reasonCode);
    return policy?.extendedRevoke === true ? neverIssued : { type: 'unknown' };
  }
  switch (record.status) {
    case 'onHold':
      // A hold ends, a compromise does not.
      return revoked(record.notGoodSince ?? asOf, compromise?.reasonCode ?? 'certificateHold');
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

/** Revoked in the extended definition: certificateHold since 1970-01-01 (RFC 6960 §2.2). */
const neverIssued: CertStatus = {
  type: 'revoked',
  revocationTime: new Date(0),
  reasonCode: 'certificateHold',
};

/** Whether it says that no such certificate was issued, in either way. */
export function isNotIssued(status: CertStatus): boolean {
  return status.type === 'unknown' || isExtendedRevoked(status);
}

/** Whether the response must carry id-pkix-ocsp-extended-revoke (RFC 6960 §4.4.8). */
export function isExtendedRevoked(status: CertStatus): boolean {
  return status.type === 'revoked' && status.revocationTime.getTime() === 0;
}

/**
 * `unspecified` is expressed by leaving the reason out, as in CRLs (RFC 5280 §5.3.1). A time of
 * 1970 that a record really has is shown a second later: exactly 1970 says "never issued" (§2.2).
 */
function revoked(since: Date, reasonCode: StatusRecord['reasonCode']): CertStatus {
  return {
    type: 'revoked',
    revocationTime: new Date(Math.max(1000, wholeSeconds(since).getTime())),
    reasonCode: reasonCode === 'unspecified' ? undefined : reasonCode,
  };
}

/**
 * The SingleResponse for one certID, which is echoed byte for byte.
 *
 * A status from a foreign CA's CRL has the CRL's thisUpdate, and no nextUpdate beyond its own
 * (RFC 6960 §4.2.2.1).
 *
 * @param asOf when the status was read
 * @param latest the delegate's notAfter: nothing is promised beyond it (RFC 9919 §3.2.4)
 */
export function singleResponse(input: {
  readonly certID: CertID;
  readonly certStatus: CertStatus;
  readonly record: StatusRecord | undefined;
  readonly policy: AnswerPolicy;
  readonly asOf: Date;
  readonly producedAt: Date;
  readonly validitySeconds: number;
  readonly latest: Date;
}): SingleResponse {
  const { certID, certStatus, record, validitySeconds, latest } = input;
  const asOf = wholeSeconds(input.asOf);
  const seconds = isNotIssued(certStatus)
    ? Math.min(validitySeconds, notIssuedValiditySeconds)
    : validitySeconds;
  const nextUpdate = Math.min(
    asOf.getTime() + seconds * 1000,
    latest.getTime(),
    record?.validity?.nextUpdate.getTime() ?? Number.POSITIVE_INFINITY,
  );
  return {
    certID,
    certStatus,
    thisUpdate: record?.validity === undefined ? asOf : wholeSeconds(record.validity.thisUpdate),
    nextUpdate: wholeSeconds(new Date(nextUpdate)),
    extensions: isNotIssued(certStatus) ? [] : singleExtensions(input),
  };
}

/** What is said beside the status of an issued certificate. */
function singleExtensions(input: {
  readonly record: StatusRecord | undefined;
  readonly policy: AnswerPolicy;
  readonly producedAt: Date;
}): readonly Extension[] {
  const extensions: Extension[] = [];
  const { archiveCutoffSeconds } = input.policy;
  if (archiveCutoffSeconds !== undefined) {
    // RFC 6960 §4.4.4: producedAt minus the time that status is kept.
    const cutoff = input.producedAt.getTime() - archiveCutoffSeconds * 1000;
    extensions.push(archiveCutoffExtension(wholeSeconds(new Date(cutoff))));
  }
  const { record } = input;
  // Not for a good record of a compromised issuer: the date would be an earlier hold's.
  if (record?.invalidityDate !== undefined && record.status !== 'good') {
    extensions.push(encodeInvalidityDate(wholeSeconds(record.invalidityDate)));
  }
  return extensions;
}

/** GeneralizedTime in OCSP has no fraction (RFC 6960 §4.2.2.1 by RFC 5280 §4.1.2.5.2). */
export function wholeSeconds(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1000) * 1000);
}
