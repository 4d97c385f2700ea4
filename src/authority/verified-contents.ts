import { certificateReference } from './issuance-core.ts';
import type { CertificateRecord } from './ports.ts';
import type { Report } from './verified-crls.ts';

/**
 * Whether a certificate has the contents that it should have: none once purged, all before.
 *
 * @returns whether there are contents to compare
 */
export function checkContents(record: CertificateRecord, report: Report): boolean {
  const reference = certificateReference(record);
  const { purgedAt, notAfter, origin, issuanceState } = record;
  if (purgedAt !== undefined) {
    if (purgedAt <= notAfter || issuanceState === 'prepared') {
      report(reference, 'was purged before its time: unexpired, or never settled');
    }
    if (record.tbsCertificate.length > 0 || record.profileName !== '') {
      report(reference, 'is purged, but its contents are still there');
    }
    if (
      origin === 'issued' &&
      issuanceState === 'issued' &&
      (record.certificateSha256 === undefined || record.tbsSha256 === undefined)
    ) {
      report(reference, 'is purged and its hashes were not kept');
    }
    return false;
  }
  if (record.profileName === '' && record.requestedBy === '') {
    report(reference, 'has no contents and was never purged');
    return false;
  }
  // Imported by its serial number only, or taken over from a CRL after a restore.
  return record.tbsCertificate.length > 0 || origin === 'issued';
}
