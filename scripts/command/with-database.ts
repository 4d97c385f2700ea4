import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dataFolder } from '../../src/config/index.ts';
import {
  type EmbeddedPostgres,
  runningEmbeddedPostgres,
  startEmbeddedPostgres,
} from '../supervisor/embedded-postgres.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Runs an act on the database of this machine. Where quickstart keeps an embedded PostgreSQL and
 * the environment names no other, that one is used: as it runs, or started for the act alone.
 */
export async function withDatabase<T>(
  environment: Environment,
  act: (environment: Environment) => Promise<T>,
): Promise<T> {
  const folder = join(dataFolder(environment), 'postgres');
  if (environment['CHANCERY_DATABASE_URL'] !== undefined || !existsSync(join(folder, 'cluster'))) {
    return act(environment);
  }
  const running = runningEmbeddedPostgres(folder);
  if (running !== undefined) {
    return act(withUrls(environment, running));
  }
  const server = await startEmbeddedPostgres({ dataFolder: folder });
  try {
    return await act(withUrls(environment, server));
  } finally {
    await server.stop();
  }
}

function withUrls(environment: Environment, server: Pick<EmbeddedPostgres, 'url'>): Environment {
  return {
    ...environment,
    CHANCERY_DATABASE_OWNER_URL: server.url('owner'),
    CHANCERY_DATABASE_URL: server.url('application'),
    CHANCERY_OCSP_DATABASE_URL: server.url('responder'),
  };
}
