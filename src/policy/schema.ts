import { z } from 'zod';
import { durationPattern, durationSeconds } from './duration.ts';
import { keyUsageBits, policyOidPattern } from './vocabulary.ts';

/**
 * The shape of a profile file. Each field is `fixed` (the profile decides), `default` (the
 * profile decides unless the request says otherwise), `from: request` (taken under the
 * constraint beside it) or `refused`. A field left out is refused.
 */
const refused = z.literal('refused').describe('A request that asks for this is refused.');
const fromRequest = z
  .literal('request')
  .describe('Taken from the request under the constraints beside it.');
const duration = z
  .string()
  .regex(durationPattern, 'a duration is a whole number and s, m, h or d, for example 90d')
  .transform(durationSeconds)
  .describe('A whole number and s, m, h or d, for example 90d.');
const keyAlgorithm = z.enum(['p256', 'p384', 'p521', 'rsa2048', 'rsa3072', 'rsa4096', 'ed25519']);
const oid = z
  .string()
  .regex(policyOidPattern, 'an object identifier is written in digits and dots');

const subjectAttribute = z.union([
  refused,
  z.strictObject({ fixed: z.string().min(1).describe('Always this text, whatever is asked.') }),
  z.strictObject({
    from: fromRequest,
    default: z.string().min(1).optional().describe('Used when the request has none.'),
    required: z.boolean().optional().describe('A request without it is refused.'),
    among: z
      .literal('names')
      .optional()
      .describe('Only a value that also stands in subjectAltName as DNS name or IP address.'),
  }),
]);

const nameRule = z.union([refused, z.strictObject({ from: fromRequest })]);
const dnsRule = z.union([
  refused,
  z.strictObject({
    from: fromRequest,
    wildcard: z
      .boolean()
      .optional()
      .describe('Whether *.example.org is allowed (leftmost whole label only).'),
  }),
]);

const keyUsageBit = z.enum(keyUsageBits);
const keyUsageRule = z.union([
  refused,
  z.strictObject({ fixed: z.array(keyUsageBit).min(1) }),
  z.strictObject({
    from: fromRequest,
    default: z.array(keyUsageBit).min(1),
    allowed: z
      .array(keyUsageBit)
      .min(1)
      .describe('A request may ask for any of these and no other.'),
    required: z
      .array(keyUsageBit)
      .optional()
      .describe('A request must ask for these if it asks at all.'),
  }),
]);

const extendedKeyUsageRule = z.union([
  refused,
  z.strictObject({ fixed: z.array(z.string().min(1)).min(1), critical: z.boolean().optional() }),
  z.strictObject({
    from: fromRequest,
    default: z.array(z.string().min(1)).min(1),
    allowed: z.array(z.string().min(1)).min(1),
  }),
]);

const skipCerts = z
  .int()
  .min(0)
  .max(100)
  .describe('After so many more certificates of a path it takes effect.');
const policyConstraints = z
  .strictObject({
    requireExplicitPolicy: skipCerts.optional(),
    inhibitPolicyMapping: skipCerts.optional(),
  })
  .refine((value) => Object.values(value).some((count) => count !== undefined), {
    message: 'say requireExplicitPolicy, inhibitPolicyMapping or both (RFC 5280 §4.2.1.11)',
  });

/** zod schema of one profile file; `z.input` is the file, `z.output` has durations in seconds. */
export const profileSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,62}$/, 'a name is lower-case letters, digits and hyphens')
    .describe('How requests name this profile; the file is NAME.yaml.'),
  title: z.string().min(1).describe('What it is, in a few plain words.'),
  description: z.string().min(1).describe('When to choose it, in plain words.'),
  type: z
    .enum(['endEntity', 'ca', 'ocspSigning'])
    .describe('ca and ocspSigning can not be asked for at the issuance route.'),
  selfSigned: z
    .boolean()
    .default(false)
    .describe('A root: its issuer is itself. Only for type ca.'),
  requestable: z.boolean().describe('Whether the issuance route offers it.'),
  key: z.strictObject({
    from: fromRequest,
    algorithms: z.array(keyAlgorithm).min(1),
    default: keyAlgorithm.optional().describe('Used when Chancery or its command makes the key.'),
  }),
  validity: z.strictObject({
    from: fromRequest,
    default: duration,
    maximum: duration.describe('Longest that a request may ask for, both ends included.'),
    ceremonyMaximum: duration
      .optional()
      .describe('Longest that an administrator may choose when an issuer or delegate is made.'),
  }),
  notBefore: z.union([
    z.strictObject({ fixed: z.literal('now'), backdate: duration.optional() }),
    z.strictObject({
      from: fromRequest,
      backdate: duration
        .optional()
        .describe('Default start before now, for clocks that are behind.'),
      latest: duration.describe('Farthest start in the future that a request may ask for.'),
    }),
  ]),
  subject: z.strictObject({
    commonName: subjectAttribute.optional(),
    countryName: subjectAttribute.optional(),
    stateOrProvinceName: subjectAttribute.optional(),
    localityName: subjectAttribute.optional(),
    streetAddress: subjectAttribute.optional(),
    postalCode: subjectAttribute.optional(),
    organizationName: subjectAttribute.optional(),
    organizationalUnitName: subjectAttribute.optional(),
    title: subjectAttribute.optional(),
    surname: subjectAttribute.optional(),
    givenName: subjectAttribute.optional(),
    serialNumber: subjectAttribute.optional(),
    dnQualifier: subjectAttribute.optional(),
    userId: subjectAttribute.optional(),
    domainComponent: subjectAttribute.optional(),
  }),
  names: z.strictObject({
    minimum: z.int().min(0).default(0).describe('Fewest subjectAltName entries.'),
    maximum: z.int().min(0).max(1000).default(100).describe('Most subjectAltName entries.'),
    fromCommonName: z
      .boolean()
      .optional()
      .describe(
        'When a request has no names at all, its commonName becomes the one name (DNS name or IP address) and the answer says so.',
      ),
    dNSName: dnsRule.optional(),
    iPAddress: nameRule.optional(),
    rfc822Name: nameRule.optional(),
    uniformResourceIdentifier: nameRule.optional(),
    directoryName: nameRule.optional(),
    registeredID: nameRule.optional(),
    userPrincipalName: nameRule
      .optional()
      .describe('otherName 1.3.6.1.4.1.311.20.2.3; every other otherName is refused.'),
  }),
  keyUsage: z.strictObject({
    ec: keyUsageRule.optional(),
    rsa: keyUsageRule.optional(),
    ed25519: keyUsageRule.optional(),
  }),
  extendedKeyUsage: extendedKeyUsageRule.default('refused'),
  pathLength: z
    .union([
      refused,
      z.strictObject({ fixed: z.int().min(0).max(100) }),
      z.strictObject({ from: fromRequest }),
    ])
    .default('refused')
    .describe(
      'pathLenConstraint, for type ca. From request without a value: one less than the issuer’s, or none.',
    ),
  nameConstraints: z.union([refused, z.strictObject({ from: fromRequest })]).default('refused'),
  certificatePolicies: z
    .union([
      refused,
      z.strictObject({
        fixed: z
          .array(z.strictObject({ policyIdentifier: oid, cps: z.array(z.url()).optional() }))
          .min(1),
      }),
      z.strictObject({
        from: fromRequest,
        required: z.boolean().optional().describe('A CA certificate without it is refused.'),
        cps: z.array(z.url()).optional().describe('CPS pointers that stand with each policy.'),
      }),
      z.strictObject({ from: z.literal('issuer') }),
    ])
    .default('refused')
    .describe(
      'From request: for type ca, chosen by the administrator who makes the issuer. From issuer: for type ocspSigning, those of the issuer, where the certificates above ask for a policy (RFC 5280 §4.2.1.11).',
    ),
  policyMappings: z
    .union([refused, z.strictObject({ from: fromRequest })])
    .default('refused')
    .describe('For type ca, chosen by the administrator (RFC 5280 §4.2.1.5).'),
  policyConstraints: z
    .union([
      refused,
      z.strictObject({ fixed: policyConstraints }),
      z.strictObject({ from: fromRequest, default: policyConstraints.optional() }),
    ])
    .default('refused')
    .describe('For type ca (RFC 5280 §4.2.1.11).'),
  inhibitAnyPolicy: z
    .union([
      refused,
      z.strictObject({ fixed: skipCerts }),
      z.strictObject({ from: fromRequest, default: skipCerts.optional() }),
    ])
    .default('refused')
    .describe('For type ca (RFC 5280 §4.2.1.14).'),
  subjectInfoAccess: z
    .union([
      refused,
      z.strictObject({
        from: fromRequest,
        required: z.boolean().optional().describe('A CA certificate without it is refused.'),
      }),
    ])
    .default('refused')
    .describe('caRepository, for type ca (RFC 5280 §4.2.2.2).'),
  cRLDistributionPoints: z
    .union([
      refused,
      z.strictObject({ fixed: z.literal('issuer').describe('Exactly the issuer’s CRL address.') }),
    ])
    .default('refused'),
  authorityInfoAccess: z
    .union([refused, z.strictObject({ fixed: z.array(z.enum(['ocsp', 'caIssuers'])).min(1) })])
    .default('refused'),
  ocspNoCheck: z
    .union([refused, z.strictObject({ fixed: z.literal('present') })])
    .default('refused'),
  noRevAvail: z
    .union([refused, z.strictObject({ fixed: z.literal('present') })])
    .default('refused'),
  retentionClass: z
    .string()
    .regex(/^[a-z][A-Za-z0-9-]{0,39}$/)
    .optional()
    .describe(
      'How long the inventory keeps contents after notAfter: a class of `inventory.retention`; standard when left out.',
    ),
});

/** A profile file after parsing: durations are seconds. */
export type ProfileContent = z.output<typeof profileSchema>;
export type SubjectAttributeRule = z.output<typeof subjectAttribute>;
export type KeyUsageRule = z.output<typeof keyUsageRule>;
export type ExtendedKeyUsageRule = z.output<typeof extendedKeyUsageRule>;
