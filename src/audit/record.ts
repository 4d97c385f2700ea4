import type { Principal, TenantId } from '../domain/index.ts';
import { canonicalize } from './canonical.ts';
import type { AuditRecord } from './ports.ts';

/** What a use case tells of an act or a refusal. */
export interface AuditedAct {
  readonly tenant: TenantId;
  readonly at: Date;
  /** Who asked; for a caller that could not be authenticated, a principal made up for the purpose. */
  readonly principal: Pick<Principal, 'id' | 'name'>;
  /** Verb with its object kind, `certificate.hold`. */
  readonly act: string;
  readonly outcome: AuditRecord['outcome'];
  readonly object: string;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * The audit record of an act with its canonical bytes (RFC 8785), which later logs hash.
 *
 * Text from outside may hold what neither RFC 8785 nor PostgreSQL can keep (lone surrogates, NUL):
 * each becomes U+FFFD, so that a hostile request can't escape being recorded. Details come back as
 * plain JSON: Date as RFC 3339, bigint as decimal text, octets as hex.
 *
 * @throws ChanceryError `malformed` when the details hold what JSON can't (a defect of the caller).
 */
export function auditRecord(act: AuditedAct): AuditRecord {
  const details = JSON.parse(canonicalize(storable(act.details ?? {}))) as Record<string, unknown>;
  const members = {
    tenant: act.tenant,
    at: act.at,
    principalId: storableText(act.principal.id),
    principalName: storableText(act.principal.name),
    act: act.act,
    outcome: act.outcome,
    object: storableText(act.object),
    details,
  };
  return { ...members, canonical: new TextEncoder().encode(canonicalize(members)) };
}

function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\u0000', '\uFFFD');
}

function storable(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (value instanceof Set) return storable([...value].sort());
  if (Array.isArray(value)) return value.map((item) => storable(item));
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [storableText(name), storable(member)]),
  );
}
