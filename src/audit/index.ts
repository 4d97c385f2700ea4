/** Audit records with canonical bytes; pure. Storing them is the AuditLog port's job. */
export { canonicalize } from './canonical.ts';
export type { AuditLog, AuditRecord, StoredAuditRecord } from './ports.ts';
export type { AuditedAct } from './record.ts';
export { auditRecord } from './record.ts';
