import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';
import { readAccessDescriptions, uriTag } from '../encoding/uri.ts';

/** A CA's subjectInfoAccess names repositories of the certificates that it issues by URI: http, https or ldap (RFC 5280 §4.2.2.2). */
export const subjectInformationAccessUri: CertificateLint = {
  name: 'subject-information-access-uri',
  citation: 'RFC 5280 §4.2.2.2',
  description:
    'subjectInfoAccess of a CA names repositories of the certificates that it issues by http, https or ldap URI; no other certificate has one',
  applies: (certificate) => certificate.has(oid.subjectInfoAccess),
  check: (certificate) => {
    if (!certificate.isCa) {
      return `subjectInfoAccess in a certificate of type ${certificate.context.type}`;
    }
    const value = certificate.value(oid.subjectInfoAccess);
    const descriptions = value === undefined ? [] : readAccessDescriptions(value);
    if (descriptions.length === 0) return 'subjectInfoAccess is an empty SEQUENCE';
    for (const { method, location } of descriptions) {
      if (method !== oid.idAdCaRepository) return `access method ${method} is not caRepository`;
      if (location?.tag !== uriTag || !/^(?:https?|ldap):\/\/[\x21-\x7e]+$/i.test(location.text)) {
        return 'a repository is no http, https or ldap URI';
      }
    }
    return undefined;
  },
};
