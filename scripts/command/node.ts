import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { joinInstallation } from '../../src/authority/index.ts';
import { compose } from '../../src/composition.ts';
import { loadConfiguration, loadResponderConfiguration } from '../../src/config/index.ts';
import { encodePem } from '../../src/pkix/index.ts';
import { createLogger } from '../../src/telemetry/index.ts';
import { localOperator } from './accept-restore.ts';
import { clientCredential, prepareToken } from './initialise.ts';
import { writeFileWhole } from './output.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Lets a CA process with a node folder of its own work on the database; @returns what to tell the operator */
export async function joinHere(
  environment: Environment,
  options: { readonly afterRestore: boolean },
): Promise<string> {
  const configuration = loadConfiguration(environment);
  const logger = createLogger({ level: 'error', process: 'command' });
  const composition = await compose(configuration, logger);
  try {
    const { installation, joined } = await joinInstallation(
      composition.dependencies,
      localOperator,
      options,
    );
    return joined
      ? `${configuration.nodeFolder} is a node of installation ${installation.id} now; start its CA process (npm start)`
      : `${configuration.nodeFolder} is a node of installation ${installation.id} already`;
  } finally {
    await composition.close();
  }
}

/**
 * Makes what one more responder needs and may not share: its token with a self-test key, and its
 * client key with a request for a certificate. What is there already stays.
 *
 * @returns what to tell the operator
 */
export async function prepareResponderHere(
  environment: Environment,
  name: string,
  say: (step: string) => void,
): Promise<string> {
  const responder = loadResponderConfiguration({
    // The database is checked when the responder starts; here only its token and key matter.
    CHANCERY_OCSP_DATABASE_URL: 'postgresql://nobody@localhost/none',
    ...environment,
  });
  await prepareToken('responder', responder.token, say);
  const { keyFile, certificateFile, trustFile } = responder;
  const credential = clientCredential(name, 'responder', keyFile, certificateFile);
  if (credential.present) {
    return `${certificateFile} and ${keyFile} are there already; start the responder (npm run responder)`;
  }
  const request = join(dirname(certificateFile), 'request.pem');
  const pem = encodePem('CERTIFICATE REQUEST', await credential.csr());
  if (!existsSync(request) || readFileSync(request, 'utf8') !== pem) {
    writeFileWhole(request, pem);
  }
  return [
    `have an administrator run: chancery principal create ${name} --role responder --csr ${request} --out ${certificateFile}`,
    `put the root to trust at ${trustFile}, then start the responder (npm run responder)`,
  ].join('\n');
}
