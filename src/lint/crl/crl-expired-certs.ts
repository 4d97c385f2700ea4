import type { CrlLint } from '../crl-subject.ts';
import { oid } from '../encoding/oids.ts';
import { formatTime, timeOf } from '../encoding/time.ts';

/** expiredCertsOnCRL stands where expired entries are kept, and nowhere else: a GeneralizedTime, since when they are (X.509 expiredCertsOnCRL). */
export const crlExpiredCerts: CrlLint = {
  name: 'crl-expired-certs',
  citation: 'X.509 expiredCertsOnCRL',
  description:
    'expiredCertsOnCRL stands where expired entries are kept, and nowhere else: a GeneralizedTime, since when they are',
  applies: (crl) => crl.has(oid.expiredCertsOnCRL) || crl.context.expiredCertsOnCrl !== undefined,
  check: (crl) => {
    const expected = crl.context.expiredCertsOnCrl;
    const value = crl.value(oid.expiredCertsOnCRL);
    if (value === undefined) return 'expiredCertsOnCRL is absent although expired entries are kept';
    if (expected === undefined) return 'expiredCertsOnCRL although expired entries are not kept';
    const since = value.tag === 0x18 ? timeOf(value) : Number.NaN;
    if (Number.isNaN(since)) {
      return `${JSON.stringify(value.text)} is no GeneralizedTime YYYYMMDDHHMMSSZ`;
    }
    return since === Math.floor(expected.getTime() / 1000) * 1000
      ? undefined
      : `expiredCertsOnCRL ${formatTime(since)} is not ${expected.toISOString()}`;
  },
};
