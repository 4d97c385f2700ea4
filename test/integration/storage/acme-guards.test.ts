import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuthorizationRecord, OrderRecord } from '../../../src/acme/ports.ts';
import {
  accountTransitions,
  authorizationTransitions,
  challengeTransitions,
  orderTransitions,
} from '../../../src/acme/states.ts';
import {
  accountRecord,
  at,
  authorizationRecord,
  credentialRecord,
  directory,
  later,
  orderRecord,
} from '../../support/acme-records.ts';
import { issuerId, tenant } from '../../support/inventory-records.ts';
import { AcmeNodes, authorised, csr } from './acme-nodes.ts';

/** A15: what the state machines refuse, the database refuses to its owner too. */

let nodes: AcmeNodes;
let owner: Client;

beforeAll(async () => {
  nodes = await AcmeNodes.open('acme_guards');
  owner = new Client({ connectionString: nodes.database.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await nodes.close();
});

/** The SQLSTATE with which the owner's statement is refused; undefined when it is done. Nothing stays. */
async function refusal(...statements: readonly string[]): Promise<string | undefined> {
  await owner.query('BEGIN');
  try {
    for (const statement of statements) {
      const { rowCount } = await owner.query(statement);
      if (rowCount === 0) throw new Error(`no row was touched: ${statement}`);
    }
    return undefined;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined) throw error;
    return code;
  } finally {
    await owner.query('ROLLBACK');
  }
}

const refused = '23000';

/** Brings a new row to each status by the shortest legal way, then tries every status from there. */
function matrix<Status extends string>(
  transitions: Readonly<Record<Status, Readonly<Record<string, Status | undefined>>>>,
): readonly { readonly from: Status; readonly to: Status; readonly legal: boolean }[] {
  const statuses = Object.keys(transitions) as Status[];
  return statuses.flatMap((from) =>
    statuses.map((to) => ({ from, to, legal: Object.values(transitions[from]).includes(to) })),
  );
}

describe('accounts', () => {
  const reach: Readonly<Record<string, readonly string[]>> = {
    valid: [],
    deactivated: ['deactivated'],
    revoked: ['revoked'],
  };

  test.each(matrix(accountTransitions))('$from -> $to: $legal', async ({ from, to, legal }) => {
    const account = accountRecord();
    await nodes.one.acme.run(async ({ acme }) => await acme.insertAccount(account));
    const step = (status: string): string =>
      `UPDATE chancery.acme_accounts SET status = '${status}' WHERE account_id = '${account.accountId}'`;
    // Staying valid is no transition, and nothing that the guard minds.
    expect(await refusal(...(reach[from] ?? []).map(step), step(to))).toBe(
      legal || (from === 'valid' && to === 'valid') ? undefined : refused,
    );
  });

  test('what an account is, it stays', async () => {
    const { accountId } = accountRecord();
    await nodes.one.acme.run(
      async ({ acme }) => await acme.insertAccount(accountRecord({ accountId })),
    );
    for (const change of [
      "tenant = 'x'",
      "directory = 'x'",
      "account_id = 'x'",
      "external_account_binding = '{}'",
      "created_from = 'x'",
      'created_at = now()',
    ]) {
      expect(
        await refusal(
          `UPDATE chancery.acme_accounts SET ${change} WHERE account_id = '${accountId}'`,
        ),
      ).toBe(refused);
    }
    await expect(
      nodes.one.acme.run(
        async ({ acme }) => await acme.insertAccount(accountRecord({ status: 'revoked' })),
      ),
    ).rejects.toMatchObject({ code: 'illegalTransition' });
  });
});

describe('orders', () => {
  const set: Readonly<Record<string, string>> = {
    pending: "status = 'pending', processing_since = NULL",
    ready: "status = 'ready', processing_since = NULL",
    processing: `status = 'processing', processing_since = now(), attempts = attempts + 1,
      csr = '\\x300100', issuer_id = '${issuerId}', serial_number = 'ab' || attempts`,
    valid: "status = 'valid', processing_since = NULL",
    invalid: "status = 'invalid', processing_since = NULL",
  };
  const reach: Readonly<Record<string, readonly string[]>> = {
    pending: [],
    ready: ['ready'],
    processing: ['ready', 'processing'],
    valid: ['ready', 'processing', 'valid'],
    invalid: ['invalid'],
  };

  async function step(order: OrderRecord, change: string): Promise<string> {
    return await Promise.resolve(
      `UPDATE chancery.acme_orders SET ${change} WHERE order_id = '${order.orderId}'`,
    );
  }

  test.each(matrix(orderTransitions))('$from -> $to: $legal', async ({ from, to, legal }) => {
    const order = await nodes.place([authorizationRecord()]);
    const steps = await Promise.all(
      [...(reach[from] ?? []), to].map(async (status) => step(order, set[status] ?? '')),
    );
    const code = await refusal(...steps);
    if (legal) expect(code).toBeUndefined();
    else expect(code).toMatch(/^23/);
  });

  test.each([
    "identifiers = '[]'",
    "authorizations = '{x}'",
    "account_id = 'x'",
    "profile = 'x'",
    "replaces = 'x'",
    'expires_at = now()',
    "directory = 'x'",
    "serial_number = 'ab'",
    "csr = '\\x00'",
  ])('%s is refused, with a legal step and without (§7.1.3, A14)', async (change) => {
    const order = await nodes.place([authorizationRecord()]);
    expect(await refusal(await step(order, change))).toMatch(/^23/);
    expect(await refusal(await step(order, `status = 'ready', ${change}`))).toMatch(/^23/);
  });

  test('a finalized order keeps its CSR; one that is processing is not deleted', async () => {
    const order = await nodes.place([authorised()]);
    expect(await nodes.begin(order, 'ab01')).toBe(true);
    const again = async (bytes: Uint8Array): Promise<boolean> =>
      await nodes.one.acme.run(
        async ({ acme }) =>
          await acme.beginProcessing(
            { tenant, orderId: order.orderId, attempts: 1 },
            { csr: bytes, now: later(3), issuerId, serialNumber: 'ab02' },
          ),
      );
    await expect(again(Uint8Array.of(1))).rejects.toMatchObject({ code: 'illegalTransition' });
    expect(
      await refusal(`DELETE FROM chancery.acme_orders WHERE order_id = '${order.orderId}'`),
    ).toBe(refused);
    expect(await again(csr)).toBe(true);
  });

  test('no order begins finalized, nor with a name that has no authorization (I18)', async () => {
    const authorization = authorised();
    for (const status of ['processing', 'valid', 'invalid'] as const) {
      expect(
        await refusal(
          `INSERT INTO chancery.acme_orders (tenant, directory, order_id, account_id, status,
            identifiers, authorizations, profile, created_at, expires_at, kept_until, csr, issuer_id,
            serial_number, processing_since)
          VALUES ('t', 'd', 'o', 'a', '${status}', '[{}]', '{x}', 'p', now(), now(), now(), '', 'i', 's',
            ${status === 'processing' ? 'now()' : 'NULL'})`,
        ),
      ).toBe(refused);
    }
    const names = [authorization.identifier, { type: 'dns', value: 'more.example' }] as const;
    await expect(
      nodes.insert(orderRecord([authorization], { identifiers: names }), [authorization]),
    ).rejects.toBeDefined();
  });
});

describe('authorizations and challenges', () => {
  /** From pending: columns by status of the authorization. */
  const set: Readonly<Record<string, string>> = {
    pending: "status = 'pending'",
    valid: "status = 'valid', challenge_status = 'valid', claimed_until = NULL",
    invalid: "status = 'invalid', challenge_status = 'invalid', claimed_until = NULL",
    deactivated: "status = 'deactivated', claimed_until = NULL",
    expired: "status = 'expired', claimed_until = NULL",
    revoked: "status = 'revoked', claimed_until = NULL",
  };
  const reach: Readonly<Record<string, readonly string[]>> = {
    pending: [],
    valid: ['valid'],
    invalid: ['invalid'],
    deactivated: ['deactivated'],
    expired: ['valid', 'expired'],
    revoked: ['valid', 'revoked'],
  };

  function step({ authorizationId }: AuthorizationRecord, change: string): string {
    return `UPDATE chancery.acme_authorizations SET ${change} WHERE authorization_id = '${authorizationId}'`;
  }

  async function inserted(changes: Partial<AuthorizationRecord> = {}) {
    const record = authorizationRecord(changes);
    await nodes.one.acme.run(async ({ acme }) => await acme.insertAuthorization(record));
    return record;
  }

  test.each(matrix(authorizationTransitions))(
    'authorization $from -> $to: $legal',
    async ({ from, to, legal }) => {
      const record = await inserted();
      await nodes.answer(record);
      // What may stay as it is: only the challenge's own progress while it is pending.
      const code = await refusal(
        ...[...(reach[from] ?? []), to].map((status) => step(record, set[status] ?? '')),
      );
      if (legal) expect(code).toBeUndefined();
      else if (from !== to) expect(code).toMatch(/^23/);
    },
  );

  const challenge: Readonly<Record<string, string>> = {
    pending: "challenge_status = 'pending'",
    processing: "challenge_status = 'processing', attempted = 'dns-01'",
    valid: "challenge_status = 'valid', status = 'valid'",
    invalid: "challenge_status = 'invalid', status = 'invalid'",
  };
  const reachChallenge: Readonly<Record<string, readonly string[]>> = {
    pending: [],
    processing: ['processing'],
    valid: ['processing', 'valid'],
    invalid: ['processing', 'invalid'],
  };

  test.each(matrix(challengeTransitions))(
    'challenge $from -> $to: $legal',
    async ({ from, to, legal }) => {
      const record = await inserted();
      const code = await refusal(
        ...[...(reachChallenge[from] ?? []), to].map((status) =>
          step(record, challenge[status] ?? ''),
        ),
      );
      if (legal) expect(code).toBeUndefined();
      else if (from !== to) expect(code).toMatch(/^23/);
    },
  );

  test.each([
    "account_id = 'x'",
    "identifier_value = 'b.example'",
    'wildcard = true',
    "token = 'x'",
    "offered = '{dns-01}'",
    "preauthorized_by = 'x'",
    "authorization_id = 'x'",
    "directory = 'eab'",
    'expires_at = now()',
    "status = 'valid'",
    "status = 'valid', challenge_status = 'valid', attempted = 'dns-01'",
    "challenge_status = 'processing'",
  ])('%s is refused to a pending one', async (change) => {
    expect(await refusal(step(await inserted(), change))).toMatch(/^23/);
  });

  test('a valid one is not prolonged, and its challenge is not answered by another type', async () => {
    const record = await inserted();
    await nodes.answer(record);
    const valid = step(record, set['valid'] ?? '');
    expect(await refusal(valid)).toBeUndefined();
    expect(await refusal(valid, step(record, "expires_at = expires_at + interval '1 day'"))).toBe(
      refused,
    );
    expect(await refusal(valid, step(record, "attempted = 'http-01'"))).toBe(refused);
  });

  test('none begins valid but by a credential; a wildcard is offered dns-01 alone (A32, I40)', async () => {
    const wrong: readonly Partial<AuthorizationRecord>[] = [
      { status: 'valid', challengeStatus: 'valid' },
      { status: 'deactivated' },
      { challengeStatus: 'processing' },
      { wildcard: true },
      { wildcard: true, offered: ['dns-01'], identifier: { type: 'ip', value: '10.0.0.1' } },
      { identifier: { type: 'dns', value: '*.a.example' } },
    ];
    for (const changes of wrong) await expect(inserted(changes)).rejects.toBeDefined();
  });
});

describe('credentials and incidents', () => {
  test.each([
    "allow = '{x}'",
    'quota = 99',
    "owner = 'eve'",
    "directory = 'x'",
    "secret_id = 'x'",
    'challenge_required = NOT challenge_required',
    'single_use = NOT single_use',
    'not_after = now()',
    'issued = issued - 1',
    'accounts = accounts - 1',
    'issued = quota + 1',
  ])('%s is refused', async (change) => {
    const record = credentialRecord({ issued: 1, accounts: 1, quota: 5, allow: ['a.example'] });
    await nodes.one.acme.run(async ({ acme }) => await acme.insertCredential(record));
    const update = (what: string): string =>
      `UPDATE chancery.acme_external_accounts SET ${what} WHERE kid = '${record.kid}'`;
    expect(await refusal(update(change))).toMatch(/^23/);
    const revoke = update("revoked_at = now(), revoked_by = 'admin'");
    expect(await refusal(revoke)).toBeUndefined();
    expect(await refusal(revoke, update('revoked_at = NULL, revoked_by = NULL'))).toBe(refused);
    expect(await refusal(revoke, update('issued = issued + 1'))).toBe(refused);
  });

  test('names without challenge are named', async () => {
    const record = credentialRecord({ challengeRequired: false });
    await expect(
      nodes.one.acme.run(async ({ acme }) => await acme.insertCredential(record)),
    ).rejects.toBeDefined();
  });

  test('an incident is closed once and otherwise kept', async () => {
    await nodes.one.acme.run(async ({ acme }) => {
      await acme.insertIncident({
        tenant,
        incidentId: 'i',
        issuedBefore: at,
        startsAt: at,
        endsAt: later(1),
        createdAt: at,
        createdBy: 'admin',
      });
    });
    const update = (what: string): string =>
      `UPDATE chancery.acme_renewal_incidents SET ${what} WHERE incident_id = 'i'`;
    expect(await refusal(update("ends_at = ends_at + interval '1 day'"))).toBe(refused);
    expect(await refusal(update('closed_at = now()'), update('closed_at = NULL'))).toBe(refused);
  });
});

test.each(['acme_accounts', 'acme_external_accounts'])(
  'rows of %s are deleted by nobody',
  async (table) => {
    const { kid } = credentialRecord();
    await nodes.one.acme.run(async ({ acme }) => {
      await acme.insertCredential(credentialRecord({ kid }));
      await acme.insertAccount(accountRecord({ directory, kid }));
    });
    expect(await refusal(`DELETE FROM chancery.${table}`)).toBe(refused);
    expect(await refusal(`TRUNCATE chancery.${table} CASCADE`)).toBe(refused);
    const app = new Client({ connectionString: nodes.database.applicationUrl });
    await app.connect();
    await expect(app.query(`DELETE FROM chancery.${table}`)).rejects.toMatchObject({
      code: '42501',
    });
    await app.end();
  },
);

test('no index tempts the planner of an empty table away from the keys', async () => {
  const { rows } = await owner.query<{ definition: string }>(
    `SELECT indexdef AS definition FROM pg_indexes
      WHERE schemaname = 'chancery' AND tablename LIKE 'acme%'
        AND indexdef NOT LIKE '%UNIQUE%' AND indexdef LIKE '%(tenant%'`,
  );
  expect(rows).toEqual([]);
});
