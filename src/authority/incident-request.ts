import { isAuthorized } from '../access/index.ts';
import {
  ChanceryError,
  type HoldCause,
  type IncidentAct,
  type IssuerId,
  type Permission,
  type Principal,
  type ReasonCode,
} from '../domain/index.ts';
import type { AuthorityContext } from './context.ts';
import type { IncidentSubject } from './incident-scope.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';
import type { IncidentRecord } from './ports.ts';
import { refuseFuture } from './status-acts.ts';

export interface OpenIncidentRequest {
  readonly subject: IncidentSubject;
  /** Why, in words; the record, the report and the audit log have it. */
  readonly reason: string;
  readonly reasonCode?: ReasonCode | undefined;
  readonly invalidityDate?: Date | undefined;
  /** Begun in the same transaction; a compromise that is declared always has one. */
  readonly act?: IncidentAct | undefined;
  readonly cause?: HoldCause | undefined;
  /** Renewals are spread over so many seconds from now. */
  readonly renewWithinSeconds: number;
  readonly explanationUrl?: string | undefined;
  /** Name or id of who issues instead of a compromised issuer. */
  readonly reissueBy?: string | undefined;
  readonly drill: boolean;
  /** What a dry run counted; another number is refused, and nothing is done. */
  readonly expectedCount?: number | undefined;
}

const shortestSpread = 60;
const longestSpread = 90 * 86_400;

/** A compromise is declared by few; an incident over a query is a part of looking after certificates. */
export function permissionFor(kind: IncidentRecord['kind']): Permission {
  return kind === 'query' ? 'incidents:manage' : 'compromise:declare';
}

export function requirePermission(principal: Principal, permission: Permission): void {
  if (!isAuthorized(principal, permission)) {
    throw new ChanceryError('forbidden', {
      message: `${principal.name} lacks ${permission}, which this act takes as well`,
      field: permission,
    });
  }
}

export function known(incident: IncidentRecord | undefined, id: string): IncidentRecord {
  if (incident === undefined) {
    throw new ChanceryError('notFound', {
      message: `there is no incident ${JSON.stringify(id.slice(0, 40))}; \`chancery incident list\` shows them`,
      field: 'incident',
    });
  }
  return incident;
}

/** Issuers whose new certificates replace nothing: a compromised one and all below it. */
export async function notReplacing(
  context: AuthorityContext,
  { issuerId }: IncidentRecord,
): Promise<readonly IssuerId[]> {
  if (issuerId === undefined) return [];
  const all = await context.issuers.all();
  const excluded = new Set([issuerId]);
  for (let before = 0; before < excluded.size; ) {
    before = excluded.size;
    for (const { record } of all) {
      if (record.parentIssuerId !== undefined && excluded.has(record.parentIssuerId)) {
        excluded.add(record.issuerId);
      }
    }
  }
  return [...excluded];
}

export async function successor(
  context: AuthorityContext,
  compromised: LoadedIssuer | undefined,
  named: string | undefined,
): Promise<IssuerId | undefined> {
  if (named === undefined) return undefined;
  const { record } = await context.issuers.forIssuance(named);
  const compromisedId = compromised?.record.issuerId;
  const below = compromisedId !== undefined && record.parentIssuerId === compromisedId;
  if (compromisedId === undefined || record.issuerId === compromisedId || below) {
    throw new ChanceryError('invalidArgument', {
      message:
        compromisedId === undefined
          ? 'only for a compromised issuer is there another one to name'
          : `${record.name} can't issue instead: it is the compromised issuer, or certified by it`,
      field: 'reissueBy',
    });
  }
  return record.issuerId;
}

export function selectionText(subject: IncidentSubject): Readonly<Record<string, unknown>> {
  switch (subject.kind) {
    case 'keyCompromise':
      return { key: subject.key.slice(0, 200) };
    case 'issuerCompromise':
      return { issuer: subject.issuer };
    case 'query':
      return { query: subject.query };
    default:
      return subject satisfies never;
  }
}

export function refuseUnfit(request: OpenIncidentRequest, now: Date): void {
  const { reason, renewWithinSeconds, subject, drill } = request;
  refuseFuture('invalidityDate', request.invalidityDate, now);
  if (reason.trim() === '') {
    throw new ChanceryError('invalidArgument', {
      message: 'say why: the reason stands in the record, the report and the audit log',
      field: 'reason',
    });
  }
  if (renewWithinSeconds < shortestSpread || renewWithinSeconds > longestSpread) {
    throw new ChanceryError('invalidArgument', {
      message: `renewals are spread over ${shortestSpread} seconds to ${longestSpread / 86_400} days`,
      field: 'renewWithinSeconds',
      clause: 'RFC 9773 §4.2',
    });
  }
  if (subject.kind !== 'query' && request.act === undefined && !drill) {
    throw new ChanceryError('invalidArgument', {
      message: 'a compromise that is declared holds or revokes; a dry run only looks',
      field: 'act',
    });
  }
}
