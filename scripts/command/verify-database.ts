import { type VerificationReport, verifyInventory } from '../../src/authority/index.ts';
import { systemClock } from '../../src/composition.ts';
import { loadConfiguration } from '../../src/config/index.ts';
import { defaultTenant } from '../../src/domain/index.ts';
import { openPublishedStore, openStorage } from '../../src/storage/index.ts';
import { progressBar } from './progress-bar.ts';

/** Opens the database as the application, reads it whole and compares; no token is opened. */
export async function verifyDatabase(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<VerificationReport> {
  const configuration = loadConfiguration(environment);
  const store = openPublishedStore(configuration.store, configuration.workFolder);
  const storage = await openStorage({
    url: configuration.database.url,
    schema: configuration.database.schema,
    poolSize: 3,
    statementTimeout: configuration.database.statementTimeoutMilliseconds,
    applicationName: 'chancery-verify',
  });
  const bar = progressBar('verifying {value} rows in {duration_formatted}');
  try {
    return await verifyInventory({
      source: storage.verification,
      unitOfWork: storage.unitOfWork,
      publisher: store.publisher,
      tenant: defaultTenant,
      now: systemClock.now(),
      settleAfterSeconds: 20,
      progress: (rows) => bar.update(rows),
    });
  } finally {
    bar.stop();
    store.close();
    await storage.close();
  }
}
