import { innerElement } from '../encoding/extension.ts';
import { oid } from '../encoding/oids.ts';
import { timeOf } from '../encoding/time.ts';
import type { OcspLint } from '../ocsp-subject.ts';

/** Revoked for a certificate never issued says certificateHold at 1970-01-01 beside id-pkix-ocsp-extended-revoke, and carries no extension (RFC 6960 §2.2, §4.4.8). */
export const ocspExtendedRevoke: OcspLint = {
  name: 'ocsp-extended-revoke',
  citation: 'RFC 6960 §2.2, §4.4.8',
  description:
    'Revoked for a certificate never issued says certificateHold at 1970-01-01 beside id-pkix-ocsp-extended-revoke, and carries no extension',
  applies: (response) =>
    response.extension(oid.ocspExtendedRevoke) !== undefined ||
    response.fields.responses.some(
      ({ revocationTime }) => revocationTime !== undefined && timeOf(revocationTime) === 0,
    ),
  check: (response) => {
    const value = response.extension(oid.ocspExtendedRevoke);
    if (value !== undefined && innerElement(value).tag !== 0x05)
      return 'id-pkix-ocsp-extended-revoke is not NULL';
    for (const { revocationTime, reasonCode, extensions } of response.fields.responses) {
      if (revocationTime === undefined || timeOf(revocationTime) !== 0) continue;
      if (value === undefined)
        return 'revocationTime 1970-01-01 without id-pkix-ocsp-extended-revoke';
      if (reasonCode?.content[0] !== 6) return 'revocationTime 1970-01-01 without certificateHold';
      if (extensions.length > 0) return 'revocationTime 1970-01-01 with extensions';
    }
    return undefined;
  },
};
