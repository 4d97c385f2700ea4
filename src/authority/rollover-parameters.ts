import {
  type Certificate,
  findExtension,
  oids,
  parseBasicConstraints,
  parseNameConstraints,
} from '../pkix/index.ts';
import type { CaParameters } from '../policy/index.ts';

/**
 * The path length and name constraints of an issuer's certificate, for one that takes its place or
 * vouches for its key. The constraints are taken over whole, of whatever form they are; the path
 * length as far as those above leave it.
 */
export function inheritedParameters(certificate: Certificate): CaParameters {
  const basic = findExtension(certificate.extensions, oids.basicConstraints);
  const constraints = findExtension(certificate.extensions, oids.nameConstraints);
  return {
    pathLengthAtMost: basic && parseBasicConstraints(basic.value).pathLenConstraint,
    inheritedNameConstraints: constraints && parseNameConstraints(constraints.value),
  };
}
