/** Stands in for `chancery init`: a root certificate, and a row that later runs must still find. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';

const folder = join(process.env['CHANCERY_DATA'] ?? '', 'trust');
const file = join(folder, 'root.pem');
if (!existsSync(file)) {
  mkdirSync(folder);
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-subj', '/CN=Stand-in', '-keyout', '/dev/null', '-out', file],
    ],
    { stdio: 'ignore' },
  );
}
const client = new Client({ connectionString: process.env['CHANCERY_DATABASE_OWNER_URL'] });
await client.connect();
await client.query('CREATE TABLE IF NOT EXISTS public.run (started timestamptz DEFAULT now())');
await client.query('INSERT INTO public.run DEFAULT VALUES');
const { rows } = await client.query<{ count: string }>('SELECT count(*) FROM public.run');
console.log(`init number ${rows[0]?.count ?? '?'}`);
await client.end();
