/** A StatusSource in memory, with the faults that a database has. */

import type {
  AnswerPolicy,
  KeyStanding,
  StatusChange,
  StatusChanges,
  StatusIssuer,
  StatusRecord,
  StatusSource,
} from '../../ocsp/ports.ts';
import { ChanceryError } from '../../src/domain/index.ts';
import type { TestIssuer } from './test-hierarchy.ts';

export class MemoryStatus implements StatusSource {
  /** While true every call fails as an absent database's does. */
  failing = false;
  /** While true no call ever answers. */
  hanging = false;
  lookups = 0;
  /** Awaited after the rows were read and before they are answered. */
  afterRead: () => Promise<void> = async () => Promise.resolve();
  /** The CA's inventory of keys, as far as the responder may read it. */
  readonly standings = new Map<string, KeyStanding>();
  readonly #issuers: StatusIssuer[] = [];
  readonly #records = new Map<string, StatusRecord>();
  readonly #changes: StatusChange[] = [];

  addIssuer(issuer: TestIssuer): void {
    const chain: Uint8Array[] = [];
    for (let parent = issuer.parent; parent !== undefined; parent = parent.parent) {
      chain.push(parent.certificate.der);
    }
    this.#issuers.push({
      issuerId: issuer.issuerId,
      name: issuer.name,
      certificate: issuer.certificate.der,
      chain,
      nameHashes: {},
      keyHashes: {},
    });
    this.issued(issuer.parent ?? issuer, issuer.certificate);
  }

  /** What the issuer declares from now on; the responder learns it at its next look. */
  setPolicy({ issuerId }: Pick<TestIssuer, 'issuerId'>, policy: AnswerPolicy): void {
    const index = this.#issuers.findIndex((issuer) => issuer.issuerId === issuerId);
    const before = this.#issuers[index];
    if (before === undefined) throw new Error(`no issuer ${issuerId}`);
    this.#issuers[index] = { ...before, policy };
  }

  async keys(keyIds: readonly string[]): Promise<readonly KeyStanding[]> {
    if (this.failing) throw new ChanceryError('databaseUnavailable', { message: 'away' });
    return Promise.resolve(keyIds.flatMap((keyId) => this.standings.get(keyId) ?? []));
  }

  /** A certificate that was issued and is good. */
  issued(
    issuer: Pick<TestIssuer, 'issuerId'>,
    certificate: { readonly serialNumber: string; readonly validity: { readonly notAfter: Date } },
  ): void {
    this.put({
      issuerId: issuer.issuerId,
      serialNumber: certificate.serialNumber,
      issuanceState: 'issued',
      status: 'good',
      notAfter: certificate.validity.notAfter,
    });
  }

  /** Writes a row; what changes an existing one goes into the change feed. */
  put(record: StatusRecord): void {
    const key = `${record.issuerId}/${record.serialNumber}`;
    if (this.#records.has(key)) this.#changes.push({ ...record, changedAt: new Date() });
    this.#records.set(key, record);
  }

  change(
    issuer: Pick<TestIssuer, 'issuerId'>,
    serialNumber: string,
    change: Partial<StatusRecord>,
  ): void {
    const before = this.#records.get(`${issuer.issuerId}/${serialNumber}`);
    if (before === undefined) throw new Error(`no record of ${serialNumber}`);
    this.put({ ...before, ...change });
  }

  /** As `change`, and the feed tells nothing of it: as a foreign CA's first CRL. */
  changeUntold(...what: Parameters<MemoryStatus['change']>): void {
    this.change(...what);
    this.#changes.pop();
  }

  async issuers(): Promise<readonly StatusIssuer[]> {
    await this.#available();
    return this.#issuers;
  }

  async lookup(
    issuerId: string,
    serialNumbers: readonly string[],
  ): Promise<readonly StatusRecord[]> {
    await this.#available();
    this.lookups += 1;
    const found = serialNumbers
      .map((serial) => this.#records.get(`${issuerId}/${serial}`))
      .filter((record) => record !== undefined);
    await this.afterRead();
    return found;
  }

  async changesSince(cursor: string | undefined, limit: number): Promise<StatusChanges> {
    await this.#available();
    const from = cursor === undefined ? this.#changes.length : Number(cursor);
    const changes = this.#changes.slice(from, from + limit);
    return { changes, cursor: String(from + changes.length), readAt: new Date() };
  }

  async #available(): Promise<void> {
    if (this.hanging) await new Promise<never>(() => undefined);
    if (this.failing) {
      throw new ChanceryError('databaseUnavailable', { message: 'the database is away' });
    }
  }
}
