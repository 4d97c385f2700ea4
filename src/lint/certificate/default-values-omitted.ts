import type { CertificateLint } from '../certificate-subject.ts';
import { oid, oidName } from '../encoding/oids.ts';

/** A value that equals its DEFAULT is not encoded (X.690 §11.5). */
export const defaultValuesOmitted: CertificateLint = {
  name: 'default-values-omitted',
  citation: 'X.690 §11.5',
  description: 'A value that equals its DEFAULT is not encoded',
  applies: () => true,
  check: (certificate) => {
    const { version } = certificate.fields;
    if (version?.child(0)?.content[0] === 0)
      return 'version v1 is the DEFAULT and must be left out';
    const flag = certificate.extensions.find((extension) => extension.defaultEncoded);
    if (flag !== undefined)
      return `${oidName(flag.oid)}: critical FALSE is the DEFAULT and must be left out`;
    const cA = certificate.value(oid.basicConstraints)?.tagged(0x01);
    if (cA?.content[0] === 0)
      return 'basicConstraints: cA FALSE is the DEFAULT and must be left out';
    return undefined;
  },
};
