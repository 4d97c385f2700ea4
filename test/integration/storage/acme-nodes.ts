/** Two nodes over one database, and the steps of an order on either. */
import { Client } from 'pg';
import { expect } from 'vitest';
import type { AcmeTransaction, AuthorizationRecord, OrderRecord } from '../../../src/acme/ports.ts';
import { openStorage, type Storage } from '../../../src/storage/index.ts';
import {
  at,
  authorizationRecord,
  directory,
  later,
  orderRecord,
} from '../../support/acme-records.ts';
import { issuerId, tenant } from '../../support/inventory-records.ts';
import { type TestDatabase, testDatabase } from '../../support/postgres.ts';
import { until } from '../../support/quickstart-run.ts';

export const csr = Uint8Array.of(0x30, 0x01, 0x00);

/** Ready at once: authorised beforehand. */
export function authorised(changes: Partial<AuthorizationRecord> = {}): AuthorizationRecord {
  return authorizationRecord({ status: 'valid', offered: [], preauthorizedBy: 'kid', ...changes });
}

export class AcmeNodes {
  readonly database: TestDatabase;
  readonly one: Storage;
  readonly two: Storage;
  /** The superuser: sees who waits for whom. */
  readonly observer: Client;

  private constructor(database: TestDatabase, one: Storage, two: Storage, observer: Client) {
    this.database = database;
    this.one = one;
    this.two = two;
    this.observer = observer;
  }

  static async open(name: string): Promise<AcmeNodes> {
    const database = await testDatabase(name);
    const observer = new Client({ connectionString: database.superuserUrl });
    await observer.connect();
    return new AcmeNodes(
      database,
      await openStorage({ url: database.applicationUrl }),
      await openStorage({ url: database.applicationUrl }),
      observer,
    );
  }

  async close(): Promise<void> {
    await this.one.close();
    await this.two.close();
    await this.observer.end();
  }

  async insert(
    order: OrderRecord,
    created: readonly AuthorizationRecord[],
    through: Storage = this.one,
  ): Promise<boolean> {
    return await through.acme.readOne(async ({ acme }) => await acme.insertOrder(order, created));
  }

  /** Places an order over these authorizations. */
  async place(
    authorizations: readonly AuthorizationRecord[],
    changes: Partial<OrderRecord> = {},
    created: readonly AuthorizationRecord[] = authorizations,
  ): Promise<OrderRecord> {
    const order = orderRecord(authorizations, changes);
    expect(await this.insert(order, created)).toBe(true);
    return order;
  }

  async orderNow({ orderId }: OrderRecord): Promise<OrderRecord | undefined> {
    return await this.one.acme.readOne(
      async ({ acme }) => await acme.findOrder(tenant, directory, orderId),
    );
  }

  /** The client answers the challenge by DNS. */
  async answer(...authorizations: readonly AuthorizationRecord[]): Promise<void> {
    for (const { authorizationId } of authorizations) {
      await this.one.acme.readOne(
        async ({ acme }) =>
          await acme.beginValidation(tenant, authorizationId, 'dns-01', at, later(60)),
      );
    }
  }

  async begin(
    order: OrderRecord,
    serialNumber: string,
    attempts = 0,
    now = later(2),
  ): Promise<boolean> {
    return await this.one.acme.run(
      async ({ acme }) =>
        await acme.beginProcessing(
          { tenant, orderId: order.orderId, attempts },
          { csr, now, issuerId, serialNumber },
        ),
    );
  }

  /** Runs `first` and holds its transaction open until `second` waits for it in the database. */
  async overlap<T>(
    first: (transaction: AcmeTransaction) => Promise<unknown>,
    second: () => Promise<T>,
  ): Promise<T> {
    const { promise: mayEnd, resolve: end } = Promise.withResolvers<undefined>();
    const { promise: done, resolve: tell } = Promise.withResolvers<undefined>();
    const holding = this.one.acme.run(async (transaction) => {
      await first(transaction);
      tell(undefined);
      await mayEnd;
    });
    await done;
    const waiting = second();
    try {
      await until('the second to wait for the first', async () => {
        const { rows } = await this.observer.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        return rows.length > 0;
      });
    } finally {
      end(undefined);
      await holding;
    }
    return await waiting;
  }
}

/** The authorization's challenge was met. */
export function recordValid({ authorizationId }: AuthorizationRecord) {
  return async ({ acme }: AcmeTransaction): Promise<boolean> =>
    await acme.recordValid(tenant, authorizationId, later(1), later(86_400));
}
