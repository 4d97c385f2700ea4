import { verifyInventory } from '../../src/authority/index.ts';
import { systemClock } from '../../src/composition.ts';
import { type Configuration, loadConfiguration } from '../../src/config/index.ts';
import { ChanceryError, defaultTenant } from '../../src/domain/index.ts';
import {
  databaseUser,
  openPublishedStore,
  openStorage,
  type RehearsalReport,
  rehearse,
} from '../../src/storage/index.ts';
import { progressBar } from './progress-bar.ts';

/** Rehearses the migrations on a copy beside the configured schema. */
export async function rehearseHere(
  environment: Readonly<Record<string, string | undefined>>,
  keep: boolean,
): Promise<RehearsalReport> {
  const configuration = loadConfiguration(environment);
  const { ownerDatabaseUrl, ocspDatabaseUrl, database } = configuration;
  if (ownerDatabaseUrl === undefined) {
    throw new ChanceryError('configuration', {
      message: 'a rehearsal needs the database owner; set CHANCERY_DATABASE_OWNER_URL',
    });
  }
  const bar = progressBar('{bar} {step}', 1, { step: '' });
  try {
    return await rehearse({
      ownerUrl: ownerDatabaseUrl,
      schema: database.schema,
      copy: `${database.schema}_rehearsal`,
      roles: {
        app: databaseUser(database.url),
        ocsp: databaseUser(ocspDatabaseUrl ?? database.url),
      },
      keep,
      progress(step, done, of) {
        bar.setTotal(of);
        bar.update(done, { step });
      },
      verify: async (copy) => verifyCopy(configuration, copy),
    });
  } finally {
    bar.stop();
  }
}

/** What `database verify` finds in the copy: columns against DER, signatures, states, numbers. */
async function verifyCopy(
  configuration: Configuration,
  schema: string,
): Promise<readonly string[]> {
  const { database } = configuration;
  const store = openPublishedStore(configuration.store, configuration.workFolder);
  const storage = await openStorage({
    url: database.url,
    schema,
    poolSize: 3,
    statementTimeout: database.statementTimeoutMilliseconds,
    applicationName: 'chancery-rehearse',
  });
  try {
    const { findings } = await verifyInventory({
      source: storage.verification,
      unitOfWork: storage.unitOfWork,
      publisher: store.publisher,
      tenant: defaultTenant,
      now: systemClock.now(),
      settleAfterSeconds: 20,
      progress: () => undefined,
    });
    return findings.map(({ object, problem }) => `${object}: ${problem}`);
  } finally {
    store.close();
    await storage.close();
  }
}
