import { type DerReader, implicit, integer, oid, sequence } from '../../der/index.ts';
import { refuse } from '../decoding.ts';
import { oids } from '../oids.ts';
import type { Extension, PolicyConstraints, PolicyMapping } from '../types.ts';
import { decodeExtension, type ExtensionType, makeExtension } from './extension.ts';

const policyMappings: ExtensionType = {
  oid: oids.policyMappings,
  name: 'policyMappings',
  clause: 'RFC 5280 §4.2.1.5',
};

const policyConstraints: ExtensionType = {
  oid: oids.policyConstraints,
  name: 'policyConstraints',
  clause: 'RFC 5280 §4.2.1.11',
};

const inhibitAnyPolicy: ExtensionType = {
  oid: oids.inhibitAnyPolicy,
  name: 'inhibitAnyPolicy',
  clause: 'RFC 5280 §4.2.1.14',
};

/** policyMappings, critical (SHOULD); none from or to anyPolicy, no pair twice (RFC 5280 §4.2.1.5). */
export function encodePolicyMappings(mappings: readonly PolicyMapping[]): Extension {
  return makeExtension(policyMappings, true, () => {
    if (mappings.length === 0) refuse('policyMappings without a mapping');
    const pairs = mappings.map(
      ({ issuerDomainPolicy, subjectDomainPolicy }) =>
        `${issuerDomainPolicy} ${subjectDomainPolicy}`,
    );
    if (new Set(pairs).size !== pairs.length) refuse('a mapping twice');
    if (pairs.some((pair) => pair.split(' ').includes(oids.anyPolicy))) {
      refuse('a mapping from or to anyPolicy');
    }
    return sequence(
      ...mappings.map(({ issuerDomainPolicy, subjectDomainPolicy }) =>
        sequence(oid(issuerDomainPolicy), oid(subjectDomainPolicy)),
      ),
    );
  });
}

/** The mappings as they stand: one from or to anyPolicy is the validation's finding (§6.1.4 (a)). */
export function parsePolicyMappings(value: Uint8Array): PolicyMapping[] {
  return decodeExtension(policyMappings, value, (reader) => {
    const body = reader.sequence();
    const mappings: PolicyMapping[] = [];
    while (!body.done) {
      const mapping = body.sequence();
      const issuerDomainPolicy = mapping.oid();
      const subjectDomainPolicy = mapping.oid();
      mapping.end();
      mappings.push({ issuerDomainPolicy, subjectDomainPolicy });
    }
    if (mappings.length === 0) refuse('no mapping (SIZE 1..MAX)', reader);
    return mappings;
  });
}

/** SkipCerts ::= INTEGER (0..MAX). */
function skipCerts(count: number): Uint8Array {
  if (!Number.isInteger(count) || count < 0) refuse('a number of certificates is 0 or more');
  return integer(count);
}

/** policyConstraints, critical; at least one of the two (RFC 5280 §4.2.1.11). */
export function encodePolicyConstraints(constraints: PolicyConstraints): Extension {
  return makeExtension(policyConstraints, true, () => {
    const { requireExplicitPolicy, inhibitPolicyMapping } = constraints;
    const parts: Uint8Array[] = [];
    if (requireExplicitPolicy !== undefined) {
      parts.push(implicit(0, skipCerts(requireExplicitPolicy)));
    }
    if (inhibitPolicyMapping !== undefined) {
      parts.push(implicit(1, skipCerts(inhibitPolicyMapping)));
    }
    if (parts.length === 0) refuse('policyConstraints without a constraint');
    return sequence(...parts);
  });
}

function optionalSkipCerts(body: DerReader, tag: number): number | undefined {
  return body.is(tag) ? body.smallInteger(tag) : undefined;
}

/** Numbers of certificates; an empty SEQUENCE, which no CA may issue, is refused. */
export function parsePolicyConstraints(value: Uint8Array): PolicyConstraints {
  return decodeExtension(policyConstraints, value, (reader) => {
    const body = reader.sequence();
    const requireExplicitPolicy = optionalSkipCerts(body, 0x80);
    const inhibitPolicyMapping = optionalSkipCerts(body, 0x81);
    body.end();
    if (requireExplicitPolicy === undefined && inhibitPolicyMapping === undefined) {
      refuse('policyConstraints without a constraint', reader);
    }
    return { requireExplicitPolicy, inhibitPolicyMapping };
  });
}

/** inhibitAnyPolicy, critical: after so many certificates anyPolicy stands for nothing (RFC 5280 §4.2.1.14). */
export function encodeInhibitAnyPolicy(count: number): Extension {
  return makeExtension(inhibitAnyPolicy, true, () => skipCerts(count));
}

/** Number of certificates, 0 or more. */
export function parseInhibitAnyPolicy(value: Uint8Array): number {
  return decodeExtension(inhibitAnyPolicy, value, (reader) => reader.smallInteger());
}
