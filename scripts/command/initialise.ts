import { createPrivateKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadAcmeSecrets } from '../../src/acme-secret.ts';
import { createInstallation, initialise } from '../../src/authority/index.ts';
import { compose, systemClock } from '../../src/composition.ts';
import {
  defaultConfigurationYaml,
  loadConfiguration,
  loadResponderConfiguration,
  type TokenConfiguration,
} from '../../src/config/index.ts';
import { ChanceryError } from '../../src/domain/index.ts';
import {
  createPinFile,
  findSofthsmModule,
  initialiseToken,
  openConfiguredToken,
  softhsmConfiguration,
  type Token,
} from '../../src/hsm/index.ts';
import type { TokenRole } from '../../src/keys/ports.ts';
import { encodePem } from '../../src/pkix/index.ts';
import { databaseUser, migrate } from '../../src/storage/index.ts';
import { createLogger } from '../../src/telemetry/index.ts';
import { createRequest, loadKeyPair } from './key-pairs.ts';
import { writeFileWhole } from './output.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Everything that a first start makes, step by step; what is there already stays. */
export async function initialiseInstallation(
  environment: Environment,
  say: (step: string) => void,
  options: {
    /** Stops before the first key: root and issuing CA come from ceremonies. */
    readonly beforeCeremony?: boolean | undefined;
  } = {},
): Promise<void> {
  const configuration = loadConfiguration(environment);
  const responder = loadResponderConfiguration({
    ...environment,
    // The responder's database is checked when it starts; here only its token and key matter.
    CHANCERY_OCSP_DATABASE_URL:
      environment['CHANCERY_OCSP_DATABASE_URL'] ?? configuration.database.url,
  });
  const data = configuration.dataFolder;
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const file =
    configuration.fileName ?? environment['CHANCERY_CONFIG'] ?? join(data, 'chancery.yaml');
  if (!existsSync(file)) {
    say(`configuration: ${file}`);
    writeFileWhole(file, defaultConfigurationYaml(), 0o600);
  }
  if (configuration.ownerDatabaseUrl === undefined) {
    throw new ChanceryError('configuration', {
      message: 'init needs the database owner for migrations; set CHANCERY_DATABASE_OWNER_URL',
    });
  }
  requireThreeRoles({
    CHANCERY_DATABASE_OWNER_URL: configuration.ownerDatabaseUrl,
    CHANCERY_DATABASE_URL: configuration.database.url,
    CHANCERY_OCSP_DATABASE_URL: configuration.ocspDatabaseUrl,
  });
  // Written last of all: with it, everything below was made before. A token that is missing then
  // is lost, and making an empty one in its place would only hide that.
  const isComplete = existsSync(join(data, 'trust', 'root.pem'));
  const tokens = [
    ['root', configuration.tokens.root],
    ['issuing', configuration.tokens.issuing],
    ['responder', responder.token],
  ] as const;
  await Promise.all([
    ...tokens.map(async ([role, token]) =>
      isComplete
        ? checkToken(role, token, configuration.absentTokens.includes('root'))
        : prepareToken(role, token, say),
    ),
    migrate({
      ownerUrl: configuration.ownerDatabaseUrl,
      schema: configuration.database.schema,
      roles: {
        app: databaseUser(configuration.database.url),
        ocsp: databaseUser(configuration.ocspDatabaseUrl ?? configuration.database.url),
      },
    }).then(() => {
      say('database schema is up to date');
    }),
  ]);
  if (isComplete) {
    return;
  }
  const composition = await compose(
    configuration,
    createLogger({ level: 'warn', process: 'init' }),
    { tokens: 'all' },
  );
  try {
    if (options.beforeCeremony === true) {
      await createInstallation(composition.dependencies, randomUUID());
      say('ready for ceremonies: hold those of root and issuing CA, then run init again');
      return;
    }
    await composition.bindKeys();
    say(`ACME secret: ${configuration.acme.secretFile}`);
    await loadAcmeSecrets(configuration.acme.secretFile, composition.storage.acme, say);
    const { root } = await initialise(composition.dependencies, {
      installationId: randomUUID(),
      root: { name: 'root', keyAlgorithm: 'p384', subject: 'CN=Chancery Root CA' },
      issuing: { name: 'issuing', keyAlgorithm: 'p256', subject: 'CN=Chancery Issuing CA' },
      principals: [
        clientCredential(
          'admin',
          'administrator',
          join(data, 'admin', 'key.pem'),
          join(data, 'admin', 'cert.pem'),
        ),
        clientCredential('responder', 'responder', responder.keyFile, responder.certificateFile),
      ],
      progress: say,
    });
    if (root.certificate !== undefined) {
      const pem = encodePem('CERTIFICATE', root.certificate);
      // The mark of a complete initialisation comes last.
      for (const trust of [responder.trustFile, join(data, 'trust', 'root.pem')]) {
        if (!existsSync(trust) || readFileSync(trust, 'utf8') !== pem) {
          mkdirSync(dirname(trust), { recursive: true });
          writeFileWhole(trust, pem);
        }
      }
    }
  } finally {
    await composition.close();
  }
}

/** Grants are given and taken by role: an owner that is the application as well would lock itself out. */
function requireThreeRoles(urls: Readonly<Record<string, string | undefined>>): void {
  const variableOf = new Map<string, string>();
  for (const [variable, url] of Object.entries(urls)) {
    if (url === undefined) continue;
    const role = databaseUser(url);
    const other = variableOf.get(role);
    if (other !== undefined) {
      throw new ChanceryError('configuration', {
        message: `${other} and ${variable} log in as the same role ${role}; give owner, application and responder a role each (docs/operations/database.md)`,
      });
    }
    variableOf.set(role, variable);
  }
}

/**
 * Puts an empty token in the place of one that is lost for good; its keys don't come back.
 *
 * @throws ChanceryError alreadyExists while there is a PIN file: what is there is never replaced
 */
export async function replaceToken(
  role: TokenRole,
  token: TokenConfiguration,
  say: (step: string) => void,
): Promise<void> {
  if (token.module === undefined && existsSync(token.pinFile)) {
    throw new ChanceryError('alreadyExists', {
      message: `the ${role} token is not lost: ${token.pinFile} is there; move the folder ${token.folder} away first, keep it, and restore it if you can`,
    });
  }
  await prepareToken(role, token, say);
}

/** SoftHSM tokens are made here; a token of another module is made by its owner, only its self-test key is added. */
export async function prepareToken(
  role: TokenRole,
  token: TokenConfiguration,
  say: (step: string) => void,
): Promise<void> {
  mkdirSync(token.folder, { recursive: true, mode: 0o700 });
  const module = token.module ?? findSofthsmModule();
  if (token.module === undefined) {
    const isNew = !existsSync(token.pinFile);
    if (isNew) {
      say(`${role} token ${token.label} (SoftHSM: software, not validated) in ${token.folder}`);
    }
    softhsmConfiguration(token.folder).write();
    createPinFile(token.pinFile);
    const soPinFile = join(token.folder, 'so-pin');
    createPinFile(soPinFile);
    await initialiseToken({
      module,
      label: token.label,
      pinFile: token.pinFile,
      soPinFile,
      environment: token.environment,
    });
  }
  const opened = openConfigured(role, token);
  try {
    if (role !== 'root') {
      await opened.createSelfTestKey();
    }
  } finally {
    await opened.close();
  }
}

/** A token that init made before is there, and takes its PIN. The root's is opened for acts only. */
async function checkToken(
  role: TokenRole,
  token: TokenConfiguration,
  rootIsAbsent: boolean,
): Promise<void> {
  // Locked away, PIN file and all.
  if (role === 'root' && rootIsAbsent) return;
  if (!existsSync(token.pinFile)) {
    throw new ChanceryError('configuration', {
      message: `the ${role} token is missing: its PIN file ${token.pinFile} is not there; restore the folder ${token.folder} from its backup (a new token would not have the keys)`,
    });
  }
  if (role === 'root') {
    return;
  }
  const opened = openConfigured(role, token);
  try {
    // It is there, unless it was compromised and destroyed: then its successor is made.
    await opened.createSelfTestKey();
  } finally {
    await opened.close();
  }
}

function openConfigured(role: TokenRole, token: TokenConfiguration): Token {
  return openConfiguredToken(role, token, { standby: undefined, sessions: 1, clock: systemClock });
}

/** A client key in software (invariant 6): mode 0600, made where it is used, never sent. */
export function clientCredential(
  name: string,
  role: 'administrator' | 'responder',
  keyFile: string,
  certificateFile: string,
) {
  return {
    name,
    role,
    present: existsSync(keyFile) && existsSync(certificateFile),
    async csr(): Promise<Uint8Array> {
      mkdirSync(dirname(keyFile), { recursive: true, mode: 0o700 });
      if (!existsSync(keyFile)) {
        const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
        writeFileSync(keyFile, privateKey.export({ format: 'pem', type: 'pkcs8' }), {
          mode: 0o600,
          flag: 'wx',
        });
      }
      createPrivateKey(readFileSync(keyFile));
      const pem = await createRequest(await loadKeyPair(keyFile), { names: [] });
      return Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    },
    async store(chain: readonly Uint8Array[]): Promise<void> {
      mkdirSync(dirname(certificateFile), { recursive: true, mode: 0o700 });
      writeFileWhole(certificateFile, chain.map((der) => encodePem('CERTIFICATE', der)).join(''));
    },
  };
}
