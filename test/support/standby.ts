/** A hot standby of an embedded PostgreSQL that streams its log: a copy of the cluster's files. */
import { appendFileSync, cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../scripts/supervisor/embedded-postgres.ts';

/** What belongs to the running primary and not to a copy. */
const left = new Set(['postmaster.pid', 'postmaster.opts', 'pg_wal', 'pg_replslot']);

/**
 * Starts a standby of the primary in a folder of its own, by PostgreSQL's low-level backup: files
 * are copied between pg_backup_start and pg_backup_stop, and the log is fetched by streaming.
 *
 * @param primaryFolder the primary's data folder, with `cluster` and `secrets`
 */
export async function startStandby(
  primary: EmbeddedPostgres,
  primaryFolder: string,
  folder: string,
): Promise<EmbeddedPostgres> {
  const from = join(primaryFolder, 'cluster');
  const to = join(folder, 'cluster');
  mkdirSync(to, { recursive: true, mode: 0o700 });
  cpSync(join(primaryFolder, 'secrets'), join(folder, 'secrets'), { recursive: true });
  const session = new Client({ connectionString: primary.superuserUrl() });
  await session.connect();
  try {
    // What streams must still be there when the standby asks for it.
    await session.query("SELECT pg_create_physical_replication_slot('standby', true)");
    await session.query("SELECT pg_backup_start('standby', fast => true)");
    for (const name of readdirSync(from)) {
      if (!left.has(name)) cpSync(join(from, name), join(to, name), { recursive: true });
    }
    const { rows } = await session.query<{ labelfile: string }>(
      'SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)',
    );
    writeFileSync(join(to, 'backup_label'), rows[0]?.labelfile ?? '');
  } finally {
    await session.end();
  }
  for (const name of ['pg_wal', 'pg_wal/archive_status', 'pg_wal/summaries', 'pg_replslot']) {
    mkdirSync(join(to, name), { recursive: true, mode: 0o700 });
  }
  rmSync(join(to, 'recovery.signal'), { force: true });
  writeFileSync(join(to, 'standby.signal'), '');
  const { username, password } = new URL(primary.superuserUrl().replace('@/', '@localhost/'));
  appendFileSync(
    join(to, 'postgresql.auto.conf'),
    `primary_conninfo = 'host=${primary.socketFolder} user=${username} password=${password}'\nprimary_slot_name = 'standby'\n`,
  );
  return await startEmbeddedPostgres({ dataFolder: folder, settings: { hot_standby: 'on' } });
}
