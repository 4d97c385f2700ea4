import { z } from 'zod';
import { certificateIn, reasonOf } from './embedded.ts';
import type { PlannedCertificate } from './plan.ts';
import { differsFromPlan } from './preview.ts';
import type { BeginLine, EndLine, MadeLine } from './transcript-lines.ts';

/** As much of a plan as what was made is compared with; the whole is in its hash. */
const plannedFields = z.object({
  signature: z.string(),
  issuer: z.string(),
  subject: z.string(),
  validitySeconds: z.number(),
  spkiSha256: z.string().nullable(),
  keyAlgorithm: z.string(),
  extensions: z.array(z.object({ oid: z.string(), critical: z.boolean(), value: z.string() })),
});
const plannedThings = z.array(
  z.discriminatedUnion('make', [
    z.object({ make: z.literal('keyPair') }),
    z.object({ make: z.literal('certificate'), fields: plannedFields }),
    z.object({ make: z.literal('activation'), links: z.boolean() }),
    z.object({ make: z.literal('crl') }),
    z.object({ make: z.literal('destruction'), keyId: z.string() }),
  ]),
);

/**
 * Whether a ceremony that was completed made what everybody had approved, and nothing else: each
 * certificate in every field that the plan fixes, each destroyed key by its identifier. Only the links
 * of an activation are not planned field by field.
 */
export function checkPlanned(
  { plan }: BeginLine,
  { outcome }: EndLine,
  made: readonly MadeLine[],
): readonly string[] {
  if (outcome === 'aborted') return [];
  const read = plannedThings.safeParse(plan['makes']);
  if (!read.success) return ["the plan does not say what is made, or not in this version's words"];
  const certificates = read.data.flatMap((one) => (one.make === 'certificate' ? [one.fields] : []));
  const hasLinks = read.data.some((one) => one.make === 'activation' && one.links);
  const count = (make: string): number => read.data.filter((one) => one.make === make).length;
  const problems: string[] = [];
  for (const what of ['keyPair', 'crl', 'destruction'] as const) {
    const found = made.filter((line) => line.what === what).length;
    if (found > count(what)) {
      problems.push(`${found} of ${what} were made, ${count(what)} were planned`);
    }
  }
  const destroyed = new Set(
    made.flatMap(({ what, record }) => (what === 'destruction' ? [record?.['keyId']] : [])),
  );
  for (const one of read.data) {
    if (one.make === 'destruction' && !destroyed.has(one.keyId)) {
      problems.push(`the destruction of key ${one.keyId} was planned and is not there`);
    }
  }
  const lines = made.filter(({ what }) => what === 'certificate');
  const left = [...certificates];
  for (const line of lines) {
    const at = left.findIndex((fields) => differences(fields, line).length === 0);
    if (at >= 0) {
      left.splice(at, 1);
    } else if (!hasLinks) {
      const [planned] = certificates;
      const why = planned === undefined ? ['no certificate was'] : differences(planned, line);
      problems.push(`certificate ${line.name} was not planned: ${why.join('; ')}`);
    }
  }
  for (const { subject } of left) {
    problems.push(`a certificate for ${subject} was planned and is not there`);
  }
  return problems;
}

function differences(planned: PlannedCertificate, { der }: MadeLine): readonly string[] {
  try {
    return differsFromPlan(planned, certificateIn(der ?? ''));
  } catch (error) {
    return [reasonOf(error)];
  }
}
