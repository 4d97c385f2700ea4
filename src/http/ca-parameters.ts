import { z } from 'zod';
import { text } from './shapes.ts';

const subtrees = z.array(text(1024)).max(100).optional();
const policy = text(200).regex(
  /^[0-2](?:\.(?:0|[1-9][0-9]*))+$/,
  'an object identifier in digits and dots',
);
const skipCerts = z.int().min(0).max(100).optional();

/** What an administrator chooses of a CA certificate, where its profile leaves it open. */
export const caParameters = {
  pathLength: z.int().min(0).max(100).optional(),
  permitDns: subtrees,
  excludeDns: subtrees,
  permitIp: subtrees,
  excludeIp: subtrees,
  permitEmail: subtrees,
  excludeEmail: subtrees,
  permitUri: subtrees,
  excludeUri: subtrees,
  permitDirectory: subtrees,
  excludeDirectory: subtrees,
  permitUpn: subtrees,
  excludeUpn: subtrees,
  policies: z.array(policy).max(50).optional(),
  policyMappings: z
    .array(z.strictObject({ issuerDomainPolicy: policy, subjectDomainPolicy: policy }))
    .max(50)
    .optional(),
  requireExplicitPolicy: skipCerts,
  inhibitPolicyMapping: skipCerts,
  inhibitAnyPolicy: skipCerts,
  caRepository: z.array(text(2048)).max(10).optional(),
};
