import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** noRevAvail stands in end entities' certificates of short-lived profiles, in all of them, and nowhere else (RFC 9608 §2, §3). */
export const noRevAvailWhereShortLived: CertificateLint = {
  name: 'no-rev-avail-where-short-lived',
  citation: 'RFC 9608 §2, §3',
  description:
    "noRevAvail stands in end entities' certificates of short-lived profiles, in all of them, and nowhere else",
  applies: (certificate) =>
    certificate.has(oid.noRevAvail) || certificate.context.profile.shortLived === true,
  check: (certificate) => {
    const { type, profile } = certificate.context;
    const wanted = type === 'endEntity' && profile.shortLived === true;
    if (certificate.has(oid.noRevAvail) === wanted) return undefined;
    return wanted
      ? `profile ${profile.name} is short-lived, so its certificates say noRevAvail`
      : `noRevAvail in a certificate of type ${type}, profile ${profile.name}`;
  },
};
