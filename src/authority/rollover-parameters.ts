import { ChanceryError } from '../domain/index.ts';
import {
  type Certificate,
  findExtension,
  type GeneralSubtree,
  oids,
  parseBasicConstraints,
  parseNameConstraints,
} from '../pkix/index.ts';
import type { CaParameters } from '../policy/index.ts';

/**
 * The path length and DNS constraints of an issuer's certificate, for one that takes its place or
 * vouches for its key.
 *
 * @throws ChanceryError invalidArgument for constraints of other forms: they are said anew
 */
export function inheritedParameters(certificate: Certificate): CaParameters {
  const basic = findExtension(certificate.extensions, oids.basicConstraints);
  const constraints = findExtension(certificate.extensions, oids.nameConstraints);
  const { permittedSubtrees, excludedSubtrees } =
    constraints === undefined
      ? { permittedSubtrees: [], excludedSubtrees: [] }
      : parseNameConstraints(constraints.value);
  return {
    pathLength: basic && parseBasicConstraints(basic.value).pathLenConstraint,
    ...given('permitDns', permittedSubtrees.map(dnsOf)),
    ...given('excludeDns', excludedSubtrees.map(dnsOf)),
  };
}

function given(name: 'permitDns' | 'excludeDns', texts: readonly string[]): CaParameters {
  return texts.length === 0 ? {} : { [name]: texts };
}

function dnsOf({ base }: GeneralSubtree): string {
  if (base.type !== 'dNSName') {
    throw new ChanceryError('invalidArgument', {
      message: `the issuer's certificate has name constraints of the form ${base.type}, which are not taken over by themselves; say path length and constraints of the new certificate`,
      field: 'nameConstraints',
      clause: 'RFC 5280 §4.2.1.10',
    });
  }
  return base.value;
}
