import { z } from 'zod';
import type { BlastRadius, IncidentReport, IncidentStatus } from '../authority/index.ts';
import type {
  IncidentEventRecord,
  IncidentRecord,
  ReachedCertificate,
  RemainingSubscriber,
} from '../authority/ports.ts';
import { bulkJobJson, bulkJobShape } from './bulk-representation.ts';
import { plain, rfc3339 } from './representation.ts';

const timeText = z.string().meta({ format: 'date-time' });
const optionalText = z.string().optional();
const freeObject = z.record(z.string(), z.unknown());
const count = z.number();

export const incidentShape = z
  .object({
    id: z.string(),
    kind: z.enum(['keyCompromise', 'issuerCompromise', 'query']),
    state: z.enum(['opened', 'acting', 'waiting', 'closed']),
    reason: z.string(),
    selection: freeObject.meta({ description: 'How the list came about' }),
    reasonCode: optionalText,
    invalidityDate: timeText.optional(),
    drill: z
      .boolean()
      .meta({ description: 'A rehearsal: no status, no key, no window is changed' }),
    spkiHash: optionalText,
    keyId: optionalText,
    issuerId: optionalText,
    reissueBy: optionalText.meta({ description: 'Who issues instead of a compromised issuer' }),
    renewFrom: timeText,
    renewUntil: timeText,
    explanationUrl: optionalText,
    affected: count,
    openedAt: timeText,
    openedBy: z.string(),
    closedAt: timeText.optional(),
    closedBy: optionalText,
  })
  .meta({ id: 'Incident' });

export const incidentStatusShape = incidentShape
  .extend({
    progress: z.object({
      affected: count,
      good: count,
      onHold: count,
      revoked: count,
      subscribers: count.meta({
        description: 'Owner and names of what was neither revoked nor expired at the opening',
      }),
      reKeyed: count.meta({ description: 'With a new good certificate with another key' }),
      renewed: count.meta({ description: 'With a new good certificate with a key of the list' }),
      remaining: count,
      percent: count,
      expectedEnd: timeText.optional().meta({ description: 'By the pace so far' }),
    }),
    job: bulkJobShape.optional(),
  })
  .meta({ id: 'IncidentStatus' });

export function incidentJson(incident: IncidentRecord): z.infer<typeof incidentShape> {
  const { tenant: _, job: __, selection, ...shown } = incident;
  return {
    ...shown,
    selection: plain(selection),
    invalidityDate: rfc3339(incident.invalidityDate),
    renewFrom: rfc3339(incident.renewFrom),
    renewUntil: rfc3339(incident.renewUntil),
    openedAt: rfc3339(incident.openedAt),
    closedAt: rfc3339(incident.closedAt),
  };
}

export function incidentStatusJson({
  incident,
  progress,
  outlook,
  job,
}: IncidentStatus): z.infer<typeof incidentStatusShape> {
  const { remaining, percent, expectedEnd } = outlook;
  return {
    ...incidentJson(incident),
    progress: { ...progress, remaining, percent, expectedEnd: rfc3339(expectedEnd) },
    job: job && bulkJobJson(job),
  };
}

export const incidentEventShape = z
  .object({ at: timeText, by: z.string(), event: z.string(), details: freeObject })
  .meta({ id: 'IncidentEvent' });

export function incidentEventJson(event: IncidentEventRecord): z.infer<typeof incidentEventShape> {
  return { ...event, at: rfc3339(event.at), details: plain(event.details) };
}

export const remainingShape = z
  .object({
    owner: z.string(),
    subject: z.string(),
    names: z.array(z.string()),
    issuerId: z.string(),
    serialNumber: z.string().meta({ description: 'The newest of those affected' }),
    notAfter: timeText,
    status: z.string(),
    certificates: count.meta({ description: 'How many of it are affected' }),
  })
  .meta({ id: 'RemainingSubscriber' });

export function remainingJson(one: RemainingSubscriber): z.infer<typeof remainingShape> {
  return { ...one, names: [...one.names], notAfter: rfc3339(one.notAfter) };
}

const reachedShape = z.object({
  issuerId: z.string(),
  serialNumber: z.string(),
  subject: z.string(),
  owner: z.string(),
  status: z.string(),
  issuanceState: z.string(),
  notAfter: timeText,
  requestedAt: timeText,
});

function reachedJson(reached: ReachedCertificate): z.infer<typeof reachedShape> {
  const { type: _, ...shown } = reached;
  return { ...shown, notAfter: rfc3339(shown.notAfter), requestedAt: rfc3339(shown.requestedAt) };
}

/** What a dry run answers. */
export const blastRadiusShape = z
  .object({
    dryRun: z.literal(true),
    kind: z.enum(['keyCompromise', 'issuerCompromise', 'query']),
    spkiHash: optionalText,
    keyId: optionalText,
    issuerId: optionalText,
    issuer: optionalText,
    reach: z.object({
      certificates: count.meta({ description: 'All that is affected: what expectedCount names' }),
      good: count,
      onHold: count,
      revoked: count,
      expired: count,
      abandoned: count.meta({ description: 'Abandoned or under way: they may exist' }),
      caCertificates: count,
      delegates: count.meta({ description: 'Of OCSP responders' }),
      subscribers: count.meta({ description: 'Who would have to replace a certificate' }),
      ownerCount: count,
      owners: z.array(z.object({ owner: z.string(), certificates: count })),
    }),
    caCertificates: z.array(reachedShape).meta({ description: 'Signed by the key' }),
    ownCertificates: z.array(reachedShape).meta({
      description: 'CA certificates of the key itself: its own, links and cross-certificates',
    }),
    trustBundles: z.array(z.string()),
    subordinateIssuers: z.array(
      z.object({ issuerId: z.string(), name: z.string(), depth: count, certificates: count }),
    ),
    siblingKeys: z.array(
      z.object({
        keyId: z.string(),
        label: z.string(),
        type: z.string(),
        privateState: z.string(),
        issuerId: optionalText,
        because: z.array(z.enum(['sameToken', 'sameCustodian', 'sameRecord', 'sameOwner'])),
      }),
    ),
    signatures: z
      .object({
        since: timeText.meta({ description: 'The invalidity date, or when the key was made' }),
        certificates: count,
        delegates: count,
        caCertificates: count,
        crls: count,
        counted: count.meta({ description: 'By signer processes in the key’s whole life' }),
        crlList: z.array(z.object({ crlNumber: z.string(), shard: count, thisUpdate: timeText })),
      })
      .optional(),
    notes: z.array(z.string()),
  })
  .meta({ id: 'BlastRadius' });

export function blastRadiusJson(radius: BlastRadius): z.infer<typeof blastRadiusShape> {
  const { signatures } = radius;
  return {
    dryRun: true,
    ...radius,
    reach: { ...radius.reach, owners: [...radius.reach.owners] },
    caCertificates: radius.caCertificates.map(reachedJson),
    ownCertificates: radius.ownCertificates.map(reachedJson),
    trustBundles: [...radius.trustBundles],
    subordinateIssuers: [...radius.subordinateIssuers],
    siblingKeys: radius.siblingKeys.map((key) => ({ ...key, because: [...key.because] })),
    signatures: signatures && {
      ...signatures,
      since: rfc3339(signatures.since),
      crlList: signatures.crlList.map(({ crlNumber, shard, thisUpdate }) => ({
        crlNumber: String(crlNumber),
        shard,
        thisUpdate: rfc3339(thisUpdate),
      })),
    },
    notes: [...radius.notes],
  };
}

export const incidentReportShape = freeObject.meta({ id: 'IncidentReport' });

/** The report for people, line by line. */
export function reportText(report: IncidentReport): string {
  const { counts } = report;
  return [
    `Report of incident ${report.incident}${report.drill ? ' (a drill: nothing was changed)' : ''}`,
    `Kind: ${report.kind}`,
    `Reason: ${report.reason}`,
    `What: ${JSON.stringify(report.selection)}`,
    `Opened ${report.openedAt} by ${report.openedBy}, closed ${report.closedAt} by ${report.closedBy}`,
    ...(report.comment === undefined ? [] : [`Closed with: ${report.comment}`]),
    `Who acted: ${report.actors.join(', ')}`,
    `Certificates: ${Object.entries(counts)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}`,
    `Replaced: ${report.percent} %`,
    '',
    'Timeline:',
    ...report.timeline.map(
      ({ at, by, event, details }) => `  ${at} ${by}: ${event} ${JSON.stringify(details)}`,
    ),
    '',
    `Not replaced (${report.remaining.length} of ${counts['remaining'] ?? 0}):`,
    ...report.remaining.map(
      ({ owner, names, serialNumber, status, notAfter }) =>
        `  ${owner}: ${names.join(' ')} (${serialNumber}, ${status}, until ${notAfter})`,
    ),
    '',
  ].join('\n');
}

/** The same as a page: one table a list, nothing that is loaded from elsewhere. */
export function reportHtml(report: IncidentReport): string {
  const row = (cells: readonly string[], tag = 'td'): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join('')}</tr>`;
  const table = (headings: readonly string[], rows: readonly (readonly string[])[]): string =>
    `<table>${row(headings, 'th')}${rows.map((cells) => row(cells)).join('')}</table>`;
  const title = `Incident ${report.incident}${report.drill ? ' (drill)' : ''}`;
  const facts = [
    ['Kind', report.kind],
    ['Reason', report.reason],
    ['What', JSON.stringify(report.selection)],
    ['Opened', `${report.openedAt} by ${report.openedBy}`],
    ['Closed', `${report.closedAt} by ${report.closedBy}`],
    ['Comment', report.comment ?? ''],
    ['Who acted', report.actors.join(', ')],
    ...Object.entries(report.counts).map(([name, value]) => [name, String(value)]),
    ['Replaced', `${report.percent} %`],
  ];
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escape(title)}</title>
<style>body{font-family:sans-serif}td,th{border:1px solid #999;padding:.2em .5em;text-align:left}table{border-collapse:collapse}</style>
<h1>${escape(title)}</h1>
${table(['', ''], facts)}
<h2>Timeline</h2>
${table(
  ['At', 'By', 'Event', 'Details'],
  report.timeline.map(({ at, by, event, details }) => [at, by, event, JSON.stringify(details)]),
)}
<h2>Not replaced</h2>
${table(
  ['Owner', 'Names', 'Serial number', 'Status', 'Until'],
  report.remaining.map((one) => [
    one.owner,
    one.names.join(' '),
    one.serialNumber,
    one.status,
    one.notAfter,
  ]),
)}
</html>
`;
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
