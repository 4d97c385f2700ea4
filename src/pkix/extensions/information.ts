import { type DerReader, ia5String, nullValue, oid, sequence, tags } from '../../der/index.ts';
import { refuse } from '../decoding.ts';
import { encodeGeneralName, readGeneralName } from '../general-name.ts';
import { oids } from '../oids.ts';
import type {
  AuthorityInfoAccess,
  Extension,
  PolicyInformation,
  SubjectInfoAccess,
} from '../types.ts';
import { decodeExtension, type ExtensionType, makeExtension } from './extension.ts';

const authorityInfoAccess: ExtensionType = {
  oid: oids.authorityInfoAccess,
  name: 'authorityInfoAccess',
  clause: 'RFC 5280 §4.2.2.1',
};

const subjectInfoAccess: ExtensionType = {
  oid: oids.subjectInfoAccess,
  name: 'subjectInfoAccess',
  clause: 'RFC 5280 §4.2.2.2',
};

/** An AccessDescription whose location is a URI. */
function describeAccess(method: string, value: string): Uint8Array {
  return sequence(oid(method), encodeGeneralName({ type: 'uniformResourceIdentifier', value }));
}

/** Method and URI of each description; other name types are read over. */
function readAccess(reader: DerReader): readonly (readonly [method: string, uri: string])[] {
  const body = reader.sequence();
  if (body.done) refuse('no access description (SIZE 1..MAX)', reader);
  const uris: (readonly [string, string])[] = [];
  while (!body.done) {
    const description = body.sequence();
    const method = description.oid();
    const location = readGeneralName(description);
    description.end();
    if (location.type === 'uniformResourceIdentifier') uris.push([method, location.value]);
  }
  return uris;
}

/** authorityInfoAccess, non-critical: OCSP first, then caIssuers; at least one URI. */
export function encodeAuthorityInfoAccess(access: AuthorityInfoAccess): Extension {
  return makeExtension(authorityInfoAccess, false, () => {
    const descriptions = [
      ...access.ocsp.map((uri) => describeAccess(oids.ocsp, uri)),
      ...access.caIssuers.map((uri) => describeAccess(oids.caIssuers, uri)),
    ];
    if (descriptions.length === 0) refuse('authorityInfoAccess without a description');
    return sequence(...descriptions);
  });
}

/** The URIs by method; other methods and other name types are read over. */
export function parseAuthorityInfoAccess(value: Uint8Array): AuthorityInfoAccess {
  return decodeExtension(authorityInfoAccess, value, (reader) => {
    const uris = readAccess(reader);
    const of = (wanted: string): string[] =>
      uris.filter(([method]) => method === wanted).map(([, uri]) => uri);
    return { ocsp: of(oids.ocsp), caIssuers: of(oids.caIssuers) };
  });
}

/** subjectInfoAccess, non-critical (MUST, RFC 5280 §4.2.2.2); at least one URI. */
export function encodeSubjectInfoAccess(access: SubjectInfoAccess): Extension {
  return makeExtension(subjectInfoAccess, false, () => {
    if (access.caRepository.length === 0) refuse('subjectInfoAccess without a description');
    return sequence(...access.caRepository.map((uri) => describeAccess(oids.caRepository, uri)));
  });
}

/** The URIs of caRepository; other methods (timeStamping) and other name types are read over. */
export function parseSubjectInfoAccess(value: Uint8Array): SubjectInfoAccess {
  return decodeExtension(subjectInfoAccess, value, (reader) => ({
    caRepository: readAccess(reader)
      .filter(([method]) => method === oids.caRepository)
      .map(([, uri]) => uri),
  }));
}

const certificatePolicies: ExtensionType = {
  oid: oids.certificatePolicies,
  name: 'certificatePolicies',
  clause: 'RFC 5280 §4.2.1.4',
};

/** certificatePolicies; each policy at most once, qualifiers of type CPS only. */
export function encodeCertificatePolicies(
  policies: readonly PolicyInformation[],
  critical = false,
): Extension {
  return makeExtension(certificatePolicies, critical, () => {
    if (policies.length === 0) refuse('certificatePolicies without a policy');
    const ids = policies.map((policy) => policy.policyIdentifier);
    if (new Set(ids).size !== ids.length) refuse('a policy twice');
    return sequence(
      ...policies.map(({ policyIdentifier, cps = [] }) => {
        const id = oid(policyIdentifier);
        if (cps.length === 0) return sequence(id);
        return sequence(id, sequence(...cps.map((uri) => sequence(oid(oids.cps), ia5String(uri)))));
      }),
    );
  });
}

function readPolicy(reader: DerReader): PolicyInformation {
  const body = reader.sequence();
  const policyIdentifier = body.oid();
  if (body.done) return { policyIdentifier };
  const qualifiers = body.sequence();
  body.end();
  if (qualifiers.done) refuse('an empty list of qualifiers (SIZE 1..MAX)', body);
  const cps: string[] = [];
  while (!qualifiers.done) {
    const qualifier = qualifiers.sequence();
    // User notices and unknown qualifiers are checked to be DER and left aside.
    if (qualifier.oid() === oids.cps) cps.push(qualifier.string(tags.ia5String));
    else qualifier.checkRest();
    qualifier.end();
  }
  return { policyIdentifier, cps };
}

/** The policies with their CPS pointers; an empty list or a policy twice is refused. */
export function parseCertificatePolicies(value: Uint8Array): PolicyInformation[] {
  return decodeExtension(certificatePolicies, value, (reader) => {
    const body = reader.sequence();
    const policies: PolicyInformation[] = [];
    while (!body.done) policies.push(readPolicy(body));
    if (policies.length === 0) refuse('no policy (SIZE 1..MAX)', reader);
    if (new Set(policies.map((policy) => policy.policyIdentifier)).size !== policies.length) {
      refuse('a policy twice', reader);
    }
    return policies;
  });
}

const ocspNoCheck: ExtensionType = {
  oid: oids.ocspNoCheck,
  name: 'ocsp-nocheck',
  clause: 'RFC 6960 §4.2.2.2.1',
};

const noRevAvail: ExtensionType = {
  oid: oids.noRevAvail,
  name: 'noRevAvail',
  clause: 'RFC 9608 §2',
};

/** id-pkix-ocsp-nocheck, non-critical: a responder's delegate certificate is not to be checked. */
export function encodeOcspNoCheck(): Extension {
  return makeExtension(ocspNoCheck, false, nullValue);
}

/** @returns true; anything but NULL is refused. */
export function parseOcspNoCheck(value: Uint8Array): true {
  return decodeExtension(ocspNoCheck, value, (reader) => {
    reader.nullValue();
    return true;
  });
}

/** noRevAvail (id-ce 56), non-critical: no revocation information will ever be published. */
export function encodeNoRevAvail(): Extension {
  return makeExtension(noRevAvail, false, nullValue);
}

/** @returns true; anything but NULL is refused. */
export function parseNoRevAvail(value: Uint8Array): true {
  return decodeExtension(noRevAvail, value, (reader) => {
    reader.nullValue();
    return true;
  });
}
