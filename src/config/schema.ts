import { z } from 'zod';
import { acmeSchema } from './acme-schema.ts';
import { ceremonySchema } from './ceremony-schema.ts';
import { inventorySchema } from './inventory-schema.ts';
import { keysSchema } from './keys-schema.ts';
import { ocspSchema } from './ocsp-schema.ts';
import { reportsSchema } from './reports-schema.ts';
import { storeSchema } from './store-schema.ts';
import { rootToken, token } from './token-schema.ts';
import {
  databaseUrl,
  duration,
  hostAndPort,
  hostName,
  httpUrl,
  listOfText,
  path,
  plainHttpUrl,
  port,
  setting,
} from './values.ts';

/** Lists of one side (allow or deny) of the name policy. */
function nameLists(side: 'ALLOW' | 'DENY') {
  const word = side === 'ALLOW' ? 'Allowed' : 'Refused';
  const list = (kind: string, text: string) =>
    setting(
      listOfText.optional(),
      `CHANCERY_NAMES_${side}_${kind}`,
      `${word} ${text}.`,
      side === 'ALLOW' ? 'any' : 'none',
    );
  return z
    .strictObject({
      dns: list('DNS', 'DNS suffixes, for example example.com'),
      ip: list('IP', 'address ranges in CIDR notation'),
      email: list('EMAIL', 'mail domains or addresses'),
      uri: list('URI', 'hosts of URIs'),
    })
    .prefault({});
}

/** One database role: URL and where its password is. */
function database(variable: string, text: string) {
  return {
    url: setting(databaseUrl.optional(), `${variable}_URL`, text, 'none'),
    passwordFile: setting(
      path.optional(),
      `${variable}_PASSWORD_FILE`,
      `File that holds the password for ${variable}_URL alone.`,
      'no password',
    ),
  };
}

const owner = database(
  'CHANCERY_DATABASE_OWNER',
  'The database as its owner: used by migrations and grants only.',
);
const application = database(
  'CHANCERY_DATABASE',
  'The database as the CA sees it; a role that owns nothing.',
);
const responder = database(
  'CHANCERY_OCSP_DATABASE',
  'The database as the responder sees it; a role that reads views only.',
);
const replica = database(
  'CHANCERY_OCSP_REPLICA',
  'A hot standby of it, on which the responder looks statuses up where that is as good; the same role.',
);

/**
 * The whole configuration file. Strict at every level: an unknown key is an error. Every leaf is
 * registered with the variable that overrides it, and a test walks them all.
 */
export const configurationSchema = z.strictObject({
  server: z
    .strictObject({
      host: setting(
        hostName.default('localhost'),
        'CHANCERY_HOST',
        "Host name inside certificates' URLs and in the HTTPS certificate. Never taken from a Host header.",
      ),
      listen: setting(
        listOfText.default(['loopback']),
        'CHANCERY_LISTEN',
        'Addresses to bind. loopback is 127.0.0.1 and, where the machine has it, ::1; 0.0.0.0 is all of IPv4, :: all of IPv6.',
      ),
      httpsPort: setting(
        port.default(8443),
        'CHANCERY_HTTPS_PORT',
        'REST, ACME and bundles over TLS.',
      ),
      httpPort: setting(
        port.default(8080),
        'CHANCERY_HTTP_PORT',
        'CRLs, CA certificates, bundles, health.',
      ),
      ocspPort: setting(port.default(8081), 'CHANCERY_OCSP_PORT', 'OCSP and its health.'),
      metricsListen: setting(
        hostAndPort.optional(),
        'CHANCERY_METRICS_LISTEN',
        "host:port of the CA's metrics without authentication.",
        'off',
      ),
      ocspMetricsListen: setting(
        hostAndPort.optional(),
        'CHANCERY_OCSP_METRICS_LISTEN',
        "host:port of the responder's metrics.",
        'off',
      ),
      maximumBodyBytes: setting(
        z.int().min(16_384).max(16_777_216).default(262_144),
        'CHANCERY_MAXIMUM_BODY_BYTES',
        'Larger request bodies are answered 413.',
      ),
      requestTimeout: setting(
        duration('1s', '10m').default('30s'),
        'CHANCERY_REQUEST_TIMEOUT',
        'How long a request may take to arrive.',
      ),
      drainTimeout: setting(
        duration('0s', '10m').default('10s'),
        'CHANCERY_DRAIN_TIMEOUT',
        'How long running requests may finish after SIGTERM.',
      ),
    })
    .prefault({}),
  urls: z
    .strictObject({
      http: setting(
        plainHttpUrl.optional(),
        'CHANCERY_HTTP_URL',
        'Base of CRL and CA certificate URLs, kept with each issuer when it is made.',
        'http://HOST:HTTP_PORT',
      ),
      ocsp: setting(
        plainHttpUrl.optional(),
        'CHANCERY_OCSP_URL',
        'OCSP URL in certificates, kept with each issuer when it is made.',
        'http://HOST:OCSP_PORT/',
      ),
      https: setting(
        httpUrl.optional(),
        'CHANCERY_HTTPS_URL',
        'Base of REST and ACME as others reach them.',
        'https://HOST:HTTPS_PORT',
      ),
    })
    .prefault({}),
  database: z
    .strictObject({
      ...application,
      ownerUrl: owner.url,
      ownerPasswordFile: owner.passwordFile,
      ocspUrl: responder.url,
      ocspPasswordFile: responder.passwordFile,
      ocspReplicaUrl: replica.url,
      ocspReplicaPasswordFile: replica.passwordFile,
      schema: setting(
        z
          .string()
          .regex(/^[a-z_][a-z0-9_]{0,62}$/)
          .default('chancery'),
        'CHANCERY_DATABASE_SCHEMA',
        'Schema that holds all tables and views.',
      ),
      poolSize: setting(
        z.int().min(2).max(500).default(10),
        'CHANCERY_DATABASE_POOL_SIZE',
        'Connections of one process.',
      ),
      statementTimeout: setting(
        duration('1s', '10m').default('15s'),
        'CHANCERY_DATABASE_STATEMENT_TIMEOUT',
        'How long one statement may run.',
      ),
    })
    .prefault({}),
  tokens: z
    .strictObject({
      root: rootToken(),
      issuing: token('issuing'),
      responder: token('responder'),
    })
    .prefault({}),
  profiles: z
    .strictObject({
      folder: setting(
        path.optional(),
        'CHANCERY_PROFILES',
        'Folder of certificate profiles, one YAML file each.',
        "the installation's profiles folder",
      ),
    })
    .prefault({}),
  keys: keysSchema,
  names: z.strictObject({ allow: nameLists('ALLOW'), deny: nameLists('DENY') }).prefault({}),
  crl: z
    .strictObject({
      lifetime: setting(
        duration('10m', '366d').default('24h'),
        'CHANCERY_CRL_LIFETIME',
        'nextUpdate minus thisUpdate; a new CRL comes at half of it and within 2 s of a change.',
      ),
    })
    .prefault({}),
  ceremonies: ceremonySchema,
  inventory: inventorySchema,
  reports: reportsSchema,
  ocsp: ocspSchema,
  acme: acmeSchema,
  store: storeSchema,
  folders: z
    .strictObject({
      published: setting(
        path.optional(),
        'CHANCERY_PUBLISHED_FOLDER',
        'CRLs and CA certificates as they are served.',
        'published in the data folder',
      ),
      https: setting(
        path.optional(),
        'CHANCERY_HTTPS_FOLDER',
        "The HTTPS server's own key and certificate.",
        'https in the data folder',
      ),
      work: setting(
        path.optional(),
        'CHANCERY_WORK_FOLDER',
        'Room for the entries of a large CRL while it is made: about 40 MB for a million; nothing in it lasts.',
        'work in the data folder',
      ),
      node: setting(
        path.optional(),
        'CHANCERY_NODE_FOLDER',
        'What this node remembers apart from the database (serial number prefix); never copied between nodes.',
        'the data folder',
      ),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: setting(
        z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
        'CHANCERY_LOG_LEVEL',
        'Least severity that is written to standard error, one JSON object a line.',
      ),
    })
    .prefault({}),
});

/** The file's content after defaults. */
export type Settings = z.infer<typeof configurationSchema>;
