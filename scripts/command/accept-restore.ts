import { acceptRestore } from '../../src/authority/index.ts';
import { compose } from '../../src/composition.ts';
import { loadConfiguration } from '../../src/config/index.ts';
import { defaultTenant, type Principal, permissions } from '../../src/domain/index.ts';
import { createLogger } from '../../src/telemetry/index.ts';

/** Who acts in the audit log when an operator works on the machine itself, without REST. */
export const localOperator: Principal = {
  id: 'local-operator',
  name: 'local-operator',
  role: 'system',
  tenant: defaultTenant,
  permissions: new Set(permissions),
};

/** Draws a new serial number prefix after a restore; @returns what to tell the operator */
export async function acceptRestoreHere(
  environment: Readonly<Record<string, string | undefined>>,
  options: { readonly recordPublished: boolean },
): Promise<string> {
  const configuration = loadConfiguration(environment);
  const logger = createLogger({ level: 'error', process: 'command' });
  const composition = await compose(configuration, logger);
  try {
    const { installation, previousPrefix, recorded } = await acceptRestore(
      composition.dependencies,
      localOperator,
      options,
    );
    return [
      ...recorded.map((reference) => `recorded from the published CRL: ${reference}`),
      `serial number prefix ${previousPrefix} is given up, ${installation.serialPrefix} is used from now on; a CA that runs goes on within seconds`,
      'certificates issued after the backup and named by no CRL are not known: OCSP calls them unknown, issue them anew',
    ].join('\n');
  } finally {
    await composition.close();
  }
}
