import type { IncidentOutlook, IncidentProgress } from '../domain/index.ts';
import type {
  BulkCounts,
  BulkJobRecord,
  IncidentEventRecord,
  IncidentRecord,
  Page,
  RemainingSubscriber,
} from './ports.ts';

/** An incident with what it comes to now. */
export interface IncidentStatus {
  readonly incident: IncidentRecord;
  readonly progress: IncidentProgress;
  readonly outlook: IncidentOutlook;
  readonly job?: BulkJobRecord | undefined;
}

/** The report of a closed incident, as plain data: times are RFC 3339. */
export interface IncidentReport {
  readonly incident: string;
  readonly kind: string;
  readonly drill: boolean;
  readonly reason: string;
  readonly selection: Readonly<Record<string, unknown>>;
  readonly reasonCode?: string | undefined;
  readonly invalidityDate?: string | undefined;
  readonly openedAt: string;
  readonly openedBy: string;
  readonly closedAt: string;
  readonly closedBy: string;
  readonly comment?: string | undefined;
  readonly counts: Readonly<Record<string, number>>;
  /** 0 to 100. */
  readonly percent: number;
  /** The last job's. */
  readonly job?: (BulkCounts & { readonly id: string }) | undefined;
  /** Everyone who acted. */
  readonly actors: readonly string[];
  readonly timeline: readonly {
    readonly at: string;
    readonly by: string;
    readonly event: string;
    readonly details: Readonly<Record<string, unknown>>;
  }[];
  /** Who has not replaced theirs; the first thousand. */
  readonly remaining: readonly {
    readonly owner: string;
    readonly names: readonly string[];
    readonly serialNumber: string;
    readonly issuerId: string;
    readonly status: string;
    readonly notAfter: string;
  }[];
}

export function closingReport({
  status: { incident, progress, outlook, job },
  comment,
  events,
  left,
}: {
  readonly status: IncidentStatus;
  readonly comment: string | undefined;
  readonly events: readonly IncidentEventRecord[];
  readonly left: Page<RemainingSubscriber>;
}): IncidentReport {
  return {
    incident: incident.id,
    kind: incident.kind,
    drill: incident.drill,
    reason: incident.reason,
    selection: incident.selection,
    ...(incident.reasonCode === undefined ? {} : { reasonCode: incident.reasonCode }),
    ...(incident.invalidityDate === undefined
      ? {}
      : { invalidityDate: rfc3339(incident.invalidityDate) }),
    openedAt: rfc3339(incident.openedAt),
    openedBy: incident.openedBy,
    closedAt: rfc3339(incident.closedAt ?? incident.openedAt),
    closedBy: incident.closedBy ?? '',
    ...(comment === undefined ? {} : { comment }),
    counts: { ...progress, remaining: outlook.remaining },
    percent: outlook.percent,
    ...(job === undefined ? {} : { job: { id: job.id, ...job.counts } }),
    actors: [...new Set(events.map(({ by }) => by))],
    timeline: events.map(({ at, by, event, details }) => ({ at: rfc3339(at), by, event, details })),
    remaining: left.items.map(({ owner, names, subject, serialNumber, issuerId, ...rest }) => ({
      owner,
      names: names.length > 0 ? names : [subject],
      serialNumber,
      issuerId,
      status: rest.status,
      notAfter: rfc3339(rest.notAfter),
    })),
  };
}

function rfc3339(date: Date): string {
  return date.toISOString();
}
