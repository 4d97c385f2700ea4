import { Client } from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';

let first: TestDatabase;
let second: TestDatabase;
beforeAll(async () => {
  first = await testDatabase('support first', { migrate: false });
  second = await testDatabase('support second', { migrate: false });
});

async function query(url: string, text: string): Promise<readonly unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

test('each role of a test database signs in as itself', async () => {
  const who = 'SELECT current_user AS role, current_database() AS name';
  expect(await query(first.ownerUrl, who)).toEqual([{ role: first.roles.owner, name: first.name }]);
  expect(await query(first.applicationUrl, who)).toEqual([
    { role: first.roles.application, name: first.name },
  ]);
  expect(await query(first.responderUrl, who)).toEqual([
    { role: first.roles.responder, name: first.name },
  ]);
});

test('a role of one test database cannot reach another one', async () => {
  const url = first.applicationUrl.replace(`/${first.name}?`, `/${second.name}?`);
  await expect(query(url, 'SELECT 1')).rejects.toThrow('permission denied for database');
});

test('a wrong password is refused', async () => {
  await expect(query(first.ownerUrl.replace(':test@', ':wrong@'), 'SELECT 1')).rejects.toThrow(
    'password authentication failed',
  );
});
