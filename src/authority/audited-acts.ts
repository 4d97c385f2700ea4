import type { StoredAuditRecord } from '../audit/ports.ts';
import type { UnitOfWork } from './ports.ts';

/** Acts that leave one change in the history of the certificate that is their object. */
const changing: ReadonlySet<string> = new Set([
  'certificate.hold',
  'certificate.release',
  'certificate.revoke',
  'certificate.abandon',
  'certificate.recordPublished',
]);

/**
 * History against audit log: each was written with the other in one transaction, so a change that is
 * missing in one, although the rest agrees with itself, shows in the other.
 */
export class AuditedActs {
  /** Changes in the history less acts in the log, by certificate; only what does not cancel out stays. */
  readonly #difference = new Map<string, number>();

  changed(reference: string): void {
    this.#add(reference, 1);
  }

  audited({ act, outcome, object }: StoredAuditRecord): void {
    if (outcome === 'done' && changing.has(act)) {
      this.#add(object, -1);
    }
  }

  #add(reference: string, by: number): void {
    const sum = (this.#difference.get(reference) ?? 0) + by;
    if (sum === 0) this.#difference.delete(reference);
    else this.#difference.set(reference, sum);
  }

  /** Reads each suspect again in one snapshot: a change may have come between the streams. */
  async compare(
    { unitOfWork, tenant }: { readonly unitOfWork: UnitOfWork; readonly tenant: string },
    report: (object: string, problem: string) => void,
  ): Promise<void> {
    for (const reference of this.#difference.keys()) {
      const [issuerId = '', serialNumber = ''] = reference.split('/');
      const { history, records } = await unitOfWork.read(async ({ inventory, audit }) => ({
        history: await inventory.history(tenant, issuerId, serialNumber),
        records: await audit.list({ tenant, object: reference, limit: 10_000 }),
      }));
      const done = records.filter(({ act, outcome }) => outcome === 'done' && changing.has(act));
      // One whose key was compromised while it was issued is revoked already when it is abandoned.
      const least = done.filter(({ act }) => act !== 'certificate.abandon').length;
      if (history.length < least || history.length > done.length) {
        report(
          reference,
          `has ${history.length} changes in its history, the audit log tells of ${done.length}`,
        );
      }
    }
  }
}
