import {
  type Certificate,
  type Extension,
  encodeCertificatePolicies,
  encodeInhibitAnyPolicy,
  encodePolicyConstraints,
  encodePolicyMappings,
  type PolicyConstraints,
} from '../../src/pkix/index.ts';
import { sampleCertificate, sampleKey } from './pki-samples.ts';

/** What one certificate of a path says of policies. */
export interface PolicyStep {
  readonly policies?: readonly string[] | undefined;
  readonly mappings?: readonly (readonly [issuer: string, subject: string])[] | undefined;
  readonly constraints?: PolicyConstraints | undefined;
  readonly inhibitAnyPolicy?: number | undefined;
  /** It has its issuer's name and a new key. */
  readonly selfIssued?: boolean | undefined;
  readonly extensions?: readonly Extension[] | undefined;
}

const rootKey = sampleKey('ecdsa-with-SHA256', 100);
const root = sampleCertificate({ key: rootKey, subject: 'CN=Policy Anchor', ca: true });

function extensionsOf(step: PolicyStep): Extension[] {
  const { policies, mappings, constraints, inhibitAnyPolicy } = step;
  return [
    ...(policies === undefined
      ? []
      : [encodeCertificatePolicies(policies.map((policyIdentifier) => ({ policyIdentifier })))]),
    ...(mappings === undefined
      ? []
      : [
          encodePolicyMappings(
            mappings.map(([issuerDomainPolicy, subjectDomainPolicy]) => ({
              issuerDomainPolicy,
              subjectDomainPolicy,
            })),
          ),
        ]),
    ...(constraints === undefined ? [] : [encodePolicyConstraints(constraints)]),
    ...(inhibitAnyPolicy === undefined ? [] : [encodeInhibitAnyPolicy(inhibitAnyPolicy)]),
    ...(step.extensions ?? []),
  ];
}

/** A path below one trust anchor, the last step its end entity; the certificates leaf first, the anchor last. */
export function policyPath(steps: readonly PolicyStep[]): readonly Certificate[] {
  const path: Certificate[] = [root];
  let issuer = { certificate: root, key: rootKey };
  for (const [index, step] of steps.entries()) {
    const isLast = index === steps.length - 1;
    const key = sampleKey('ecdsa-with-SHA256', 101 + index);
    const certificate = sampleCertificate({
      key,
      subject: step.selfIssued === true ? issuer.certificate.subject : `CN=Step ${index + 1}`,
      issuer,
      serialNumber: (index + 1).toString(16),
      ca: !isLast,
      extensions: extensionsOf(step),
    });
    path.unshift(certificate);
    issuer = { certificate, key };
  }
  return path;
}
