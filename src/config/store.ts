import { readFileSync } from 'node:fs';
import { configurationError } from './document.ts';
import type { Settings } from './schema.ts';
import { parseDuration } from './values.ts';

/** An S3-compatible store. The secret stands in here: never log it. */
export interface S3StoreConfiguration {
  readonly kind: 's3';
  readonly endpoint: string;
  readonly bucket: string;
  readonly prefix: string;
  readonly region: string;
  readonly pathStyle: boolean;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** PEM. */
  readonly trust: string | undefined;
  readonly timeoutMilliseconds: number;
}

/** Where CRLs and CA certificates are published. */
export type StoreConfiguration =
  | { readonly kind: 'file'; readonly folder: string }
  | S3StoreConfiguration;

/** What the section needs of its surroundings. */
interface StorePlace {
  readonly publishedFolder: string;
  readonly variables: ReadonlyMap<string, string>;
  place(path: string): string;
  resolve(path: string, value: string): string;
  readSecret(path: string, value: string): string;
}

/** @throws ChanceryError configuration when a setting that S3 needs is missing, or the secret stands in the file */
export function storeOf(store: Settings['store'], at: StorePlace): StoreConfiguration {
  const { secretAccessKey, secretAccessKeyFile } = store;
  if (secretAccessKey !== undefined && !at.variables.has('store.secretAccessKey')) {
    throw configurationError(
      `${at.place('store.secretAccessKey')} holds a secret; put it alone into a file of mode 0600 and name that as secretAccessKeyFile`,
    );
  }
  if (store.kind === 'file') return { kind: 'file', folder: at.publishedFolder };
  const needed = (name: 'endpoint' | 'bucket' | 'accessKeyId'): string => {
    const value = store[name];
    if (value === undefined) {
      throw configurationError(
        `store.${name} is missing; ${at.place('store.kind')}, which is s3, needs it`,
      );
    }
    return value;
  };
  const { region, pathStyle, trustFile } = store;
  return {
    kind: 's3',
    endpoint: needed('endpoint'),
    bucket: needed('bucket'),
    prefix: store.prefix ?? '',
    region,
    pathStyle,
    accessKeyId: needed('accessKeyId'),
    secretAccessKey: secret(),
    trust: trustFile === undefined ? undefined : readTrust(trustFile),
    timeoutMilliseconds: (parseDuration(store.timeout) ?? 0) * 1000,
  };

  function secret(): string {
    if (secretAccessKeyFile !== undefined) {
      return at.readSecret('store.secretAccessKeyFile', secretAccessKeyFile);
    }
    if (secretAccessKey !== undefined) return secretAccessKey;
    throw configurationError(
      `store.secretAccessKeyFile is missing; ${at.place('store.kind')}, which is s3, needs it`,
    );
  }

  function readTrust(value: string): string {
    const file = at.resolve('store.trustFile', value);
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      throw configurationError(
        `${at.place('store.trustFile')}: ${file} can't be read (${error instanceof Error ? error.message : String(error)})`,
      );
    }
  }
}
