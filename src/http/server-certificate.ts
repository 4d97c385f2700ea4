import type { KeyObject } from 'node:crypto';
import { createPrivateKey, generateKeyPair, X509Certificate } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { certificatesToPem, softwareCertificationRequest } from '../authority/index.ts';
import type { Clock } from '../domain/index.ts';
import { ChanceryError } from '../domain/index.ts';
import type { Logger } from '../telemetry/index.ts';

/**
 * Has the authority issue the HTTPS server's certificate.
 *
 * @returns DER, the server's certificate first, then its issuers without the root
 */
export type ObtainServerCertificate = (csrDer: Uint8Array) => Promise<readonly Uint8Array[]>;

export interface ServerCertificateOptions {
  /** Where `server.pem` is kept: key and chain in one file, mode 0600, replaced atomically. */
  readonly folder: string;
  readonly host: string;
  readonly clock: Clock;
  readonly obtain: ObtainServerCertificate;
  /** Told (DER) after the new key and certificate are in the file: the former key is no more. */
  readonly installed?: ((certificate: Uint8Array) => Promise<void>) | undefined;
  readonly logger: Logger;
  /** How often the age is looked at; tests shorten it. */
  readonly pollMilliseconds?: number | undefined;
}

/** What a TLS listener needs; PEM. */
export interface ServerCredential {
  readonly key: string;
  readonly cert: string;
}

/** The HTTPS server's certificate, which renews itself. */
export interface ServerCertificate {
  current(): ServerCredential;
  /** Called with each new credential; listeners pass it to setSecureContext. */
  onRenewal(listener: (credential: ServerCredential) => void): void;
  close(): void;
}

interface Held extends ServerCredential {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Design: software key, so 7 days at most, whatever the profile says. */
const longestLifeSeconds = 7 * 86_400;
const fileName = 'server.pem';
const makeKeyPair = promisify(generateKeyPair);

/**
 * Opens the stored credential or obtains one, and keeps it young: at half of its life it is
 * replaced, each time with a new key. When renewal fails, the old one serves on to its end and
 * renewal is tried again at every look.
 *
 * @throws whatever `obtain` throws, when there is no usable credential to begin with
 */
export async function openServerCertificate(
  options: ServerCertificateOptions,
): Promise<ServerCertificate> {
  const { clock, logger } = options;
  const listeners: ((credential: ServerCredential) => void)[] = [];
  let held = await stored(options);
  if (held === undefined || due(held, clock.now())) {
    try {
      held = await renewed(options);
    } catch (error) {
      if (held === undefined) throw error;
      logger.error(
        { err: error },
        'the HTTPS certificate could not be renewed; the old one serves',
      );
    }
  }
  let current: Held = held;
  let running = false;
  const look = async (): Promise<void> => {
    if (running || !due(current, clock.now())) return;
    running = true;
    try {
      current = await renewed(options);
      logger.info({ notAfter: current.notAfter }, 'the HTTPS certificate was renewed');
      for (const listener of listeners) listener(current);
    } catch (error) {
      logger.error({ err: error }, 'the HTTPS certificate could not be renewed; tried again soon');
    } finally {
      running = false;
    }
  };
  const timer = setInterval(() => void look(), options.pollMilliseconds ?? 30_000);
  timer.unref();
  return {
    current: () => current,
    onRenewal: (listener) => listeners.push(listener),
    close: () => clearInterval(timer),
  };
}

/** Half of the life is over, or the clock stands before its beginning. */
function due({ notBefore, notAfter }: Held, now: Date): boolean {
  const half = (notBefore.getTime() + notAfter.getTime()) / 2;
  return now.getTime() >= half || now < notBefore;
}

async function renewed(options: ServerCertificateOptions): Promise<Held> {
  const { privateKey } = await makeKeyPair('ec', { namedCurve: 'P-256' });
  const names = namesOf(options.host);
  const chain = await options.obtain(softwareCertificationRequest(privateKey, names));
  const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  const held = checked(key, certificatesToPem(chain), options.host);
  await store(options.folder, held);
  await tellInstalled(options, held);
  return held;
}

/** The certificate serves whether or not this could be recorded: the next renewal tells of both. */
async function tellInstalled(options: ServerCertificateOptions, held: Held): Promise<void> {
  try {
    await options.installed?.(new X509Certificate(held.cert).raw);
  } catch (error) {
    options.logger.error({ err: error }, 'the former HTTPS key is not recorded as destroyed yet');
  }
}

/** CHANCERY_HOST, localhost, 127.0.0.1 and ::1, so that the command reaches it on its own machine. */
function namesOf(host: string): { dns: readonly string[]; ip: readonly string[] } {
  const isAddress = isIP(host) !== 0;
  return {
    dns: [...new Set([...(isAddress ? [] : [host]), 'localhost'])],
    ip: [...new Set([...(isAddress ? [host] : []), '127.0.0.1', '::1'])],
  };
}

/** The stored credential when it is whole, fits the host name and is within its validity. */
async function stored(options: ServerCertificateOptions): Promise<Held | undefined> {
  const path = join(options.folder, fileName);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
    await chmod(path, 0o600);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new ChanceryError('configuration', {
      message: `${path} can't be read; check the folder's owner and mode`,
      cause: error,
    });
  }
  try {
    const mark = text.indexOf('-----BEGIN CERTIFICATE-----');
    const held = checked(text.slice(0, mark), text.slice(mark), options.host);
    return options.clock.now() > held.notAfter ? undefined : held;
  } catch (error) {
    options.logger.warn(
      { err: error },
      'the stored HTTPS certificate is not used; a new one is made',
    );
    return undefined;
  }
}

/** Key and certificate belong together, all names are there, the life is short enough. */
function checked(key: string, cert: string, host: string): Held {
  const certificate = new X509Certificate(cert);
  const privateKey: KeyObject = createPrivateKey(key);
  if (!certificate.checkPrivateKey(privateKey)) throw unfit('does not belong to its key');
  const { dns, ip } = namesOf(host);
  const missing = [
    ...dns.filter((name) => certificate.checkHost(name, { subject: 'never' }) === undefined),
    ...ip.filter((address) => certificate.checkIP(address) === undefined),
  ];
  if (missing.length > 0) throw unfit(`does not name ${missing.join(', ')}`);
  const notBefore = certificate.validFromDate;
  const notAfter = certificate.validToDate;
  const seconds = (notAfter.getTime() - notBefore.getTime()) / 1000 + 1;
  if (seconds > longestLifeSeconds) throw unfit('lives longer than 7 days');
  return { key, cert, notBefore, notAfter };
}

function unfit(why: string): ChanceryError {
  return new ChanceryError('configuration', {
    message: `the HTTPS server's certificate ${why}; check the profile https-server`,
  });
}

/** One file for both, so that no crash leaves a key beside another key's certificate. */
async function store(folder: string, { key, cert }: ServerCredential): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, fileName);
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(`${key}${cert}`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}
