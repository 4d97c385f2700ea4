import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { IssuerId, KeyId, SigningPurpose } from '../src/domain/index.ts';
import type { GeneratedKey, KeyBinding, KeyLife } from '../src/keys/ports.ts';
import {
  type Certificate,
  decodePem,
  encodePem,
  type KeyAlgorithmName,
  keyAlgorithmOf,
  parseCertificate,
  parseSubjectPublicKeyInfo,
  type SignatureAlgorithmName,
  signatureAlgorithms,
} from '../src/pkix/index.ts';
import { isOf } from './delegate.ts';
import { readIfThere, writeAtomically } from './files.ts';
import type { Log } from './ports.ts';

/** What a delegate's key may sign: responses, and the request for its own certificate. */
export const delegatePurposes: readonly SigningPurpose[] = ['ocspResponse', 'certificationRequest'];

/** Until it is certified a delegate's key signs the request for its certificate alone. */
export function delegateLife(certified: boolean): KeyLife {
  return { state: certified ? 'active' : 'pre-activation', scope: 'full' };
}

/** What was read back of a key when it was made; the CA's inventory is told of it. */
export type ToldKey = Pick<GeneratedKey, 'label' | 'token' | 'attributes'>;

/** A key of a delegate. Older files don't tell how it was made. */
export interface DelegateKey extends KeyBinding {
  readonly told?: ToldKey | undefined;
}

/** A key as its file tells it; whether it may be used, its certificates tell. */
type StoredKey = Omit<DelegateKey, 'life'>;

/** What is kept of an issuer's delegate of one kind of key: the key's public side, and its certificates. */
export interface StoredDelegate {
  readonly key: DelegateKey | undefined;
  /** The key before it, which signs until this one has a certificate. */
  readonly former: DelegateKey | undefined;
  /** Whether a request of it waits for a ceremony. */
  readonly requested: boolean;
  readonly certificates: readonly Certificate[];
}

/**
 * `{folder}/{issuerId}/key-{keyAlgorithm}.json` and `{serialNumber}.pem`; private keys stay in the
 * token. `former-key-{keyAlgorithm}.json` is the key before, until the next one is certified;
 * `request-{keyAlgorithm}.csr` waits for a ceremony. A `key.json` is of a release that had one kind of
 * key: it is read as the key that it tells.
 */
export class DelegateStore {
  readonly #folder: string;
  readonly #log: Log;

  constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Unreadable files are logged and left where they are; the certificate is asked for again. */
  async read(issuerId: IssuerId, keyAlgorithm: KeyAlgorithmName): Promise<StoredDelegate> {
    const folder = this.#folderOf(issuerId);
    const key =
      (await this.#readKey(folder, keyFile(keyAlgorithm), keyAlgorithm)) ??
      (await this.#readKey(folder, 'key.json', keyAlgorithm));
    const certificates: Certificate[] = [];
    for (const name of await this.#certificateFiles(folder)) {
      try {
        const [block] = decodePem(await readFile(join(folder, name), 'utf8'), 'CERTIFICATE');
        const certificate = block && parseCertificate(block.der);
        if (certificate && keyAlgorithmOf(certificate.subjectPublicKeyInfo) === keyAlgorithm) {
          certificates.push(certificate);
        }
      } catch (error) {
        this.#log('warn', 'a delegate certificate cannot be read', { folder, name, error });
      }
    }
    const withLife = (one: StoredKey): DelegateKey => ({
      ...one,
      life: delegateLife(certificates.some((certificate) => isOf(certificate, one))),
    });
    const own = key && withLife(key);
    const before =
      own?.life.state === 'active'
        ? undefined
        : await this.#readKey(folder, formerFile(keyAlgorithm), keyAlgorithm);
    const former = before && withLife(before);
    const request = await readIfThere(join(folder, requestFile(keyAlgorithm)));
    return {
      key: own,
      // Without a certificate it answers nothing any more.
      former: former?.life.state === 'active' ? former : undefined,
      requested: request !== undefined,
      certificates,
    };
  }

  /** Whether an issuer's answers are signed with this key after a start: the next one has no certificate yet. */
  async signsMeanwhile(keyId: KeyId, now: Date): Promise<boolean> {
    for (const [folder, file] of await this.#keyFiles()) {
      const keyAlgorithm = /^key-(.+)\.json$/.exec(file)?.[1];
      if (keyAlgorithm === undefined) continue;
      const { key, former, certificates } = await this.read(
        folder,
        keyAlgorithm as KeyAlgorithmName,
      );
      const own = [key, former].find((one) => one?.keyId === keyId);
      if (own === undefined) continue;
      if (certificates.some((one) => isOf(one, own) && now < one.validity.notAfter)) return true;
    }
    return false;
  }

  /** Of each key that has a file here, certified or not. */
  async keyIds(): Promise<readonly KeyId[]> {
    const found: KeyId[] = [];
    for (const [folder, file] of await this.#keyFiles()) {
      const text = await readIfThere(join(this.#folder, folder, file));
      const key = text === undefined ? undefined : parseKey(text);
      if (key !== undefined) found.push(key.keyId);
    }
    return found;
  }

  /** @param former the key before it, when that one is to sign until this one has a certificate */
  async writeKey(
    issuerId: IssuerId,
    keyAlgorithm: KeyAlgorithmName,
    key: StoredKey,
    former?: StoredKey,
  ): Promise<void> {
    const folder = this.#folderOf(issuerId);
    const write = async (name: string, one: StoredKey): Promise<void> => {
      const content = {
        keyId: one.keyId,
        algorithm: one.algorithm,
        subjectPublicKeyInfo: Buffer.from(one.subjectPublicKeyInfo).toString('base64'),
        told: one.told,
      };
      await writeAtomically(join(folder, name), `${JSON.stringify(content, undefined, 2)}\n`);
    };
    // First: without it a crash between the two would leave a certified key that no file tells of.
    if (former === undefined) await rm(join(folder, formerFile(keyAlgorithm)), { force: true });
    else await write(formerFile(keyAlgorithm), former);
    await write(keyFile(keyAlgorithm), key);
  }

  /** `request-{keyAlgorithm}.csr`: what a ceremony answers for an issuer whose token is absent. */
  async writeRequest(issuerId: IssuerId, key: KeyBinding, pem: string): Promise<void> {
    const kind = keyAlgorithmOf(parseSubjectPublicKeyInfo(key.subjectPublicKeyInfo)) ?? 'key';
    await writeAtomically(join(this.#folderOf(issuerId), requestFile(kind)), pem);
  }

  async writeCertificate(issuerId: IssuerId, certificate: Certificate): Promise<void> {
    await writeAtomically(
      join(this.#folderOf(issuerId), `${certificate.serialNumber}.pem`),
      encodePem('CERTIFICATE', certificate.der),
    );
    await this.removeRequest(issuerId, keyAlgorithmOf(certificate.subjectPublicKeyInfo) ?? 'key');
  }

  async removeRequest(issuerId: IssuerId, keyAlgorithm: string): Promise<void> {
    await rm(join(this.#folderOf(issuerId), requestFile(keyAlgorithm)), { force: true });
  }

  async removeCertificate(issuerId: IssuerId, certificate: Certificate): Promise<void> {
    await rm(join(this.#folderOf(issuerId), `${certificate.serialNumber}.pem`), { force: true });
  }

  /** Folder and name of each file of a key. */
  async #keyFiles(): Promise<readonly (readonly [IssuerId, string])[]> {
    const folders = await readdir(this.#folder, { withFileTypes: true }).catch(() => []);
    const found: (readonly [IssuerId, string])[] = [];
    for (const { name } of folders.filter((one) => one.isDirectory())) {
      for (const file of await readdir(join(this.#folder, name))) {
        if (/^(?:former-)?key.*\.json$/.test(file)) found.push([name, file]);
      }
    }
    return found;
  }

  #folderOf(issuerId: IssuerId): string {
    return join(this.#folder, issuerId);
  }

  async #certificateFiles(folder: string): Promise<readonly string[]> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const names = await readdir(folder);
    return names.filter((name) => name.endsWith('.pem'));
  }

  async #readKey(
    folder: string,
    name: string,
    keyAlgorithm: KeyAlgorithmName,
  ): Promise<StoredKey | undefined> {
    const text = await readIfThere(join(folder, name));
    if (text === undefined) return undefined;
    const key = parseKey(text);
    if (key === undefined) {
      this.#log('warn', 'the file of a key cannot be read; a new key is made', { folder, name });
      return undefined;
    }
    const kind = keyAlgorithmOf(parseSubjectPublicKeyInfo(key.subjectPublicKeyInfo));
    return kind === keyAlgorithm ? key : undefined;
  }
}

function keyFile(keyAlgorithm: KeyAlgorithmName): string {
  return `key-${keyAlgorithm}.json`;
}

function requestFile(keyAlgorithm: string): string {
  return `request-${keyAlgorithm}.csr`;
}

function formerFile(keyAlgorithm: KeyAlgorithmName): string {
  return `former-${keyFile(keyAlgorithm)}`;
}

function parseKey(text: string): StoredKey | undefined {
  try {
    const content: unknown = JSON.parse(text);
    if (
      typeof content === 'object' &&
      content !== null &&
      'keyId' in content &&
      'algorithm' in content &&
      'subjectPublicKeyInfo' in content &&
      typeof content.keyId === 'string' &&
      typeof content.subjectPublicKeyInfo === 'string' &&
      isSignatureAlgorithmName(content.algorithm)
    ) {
      const subjectPublicKeyInfo = Buffer.from(content.subjectPublicKeyInfo, 'base64');
      parseSubjectPublicKeyInfo(subjectPublicKeyInfo);
      return {
        keyId: content.keyId,
        purposes: delegatePurposes,
        algorithm: content.algorithm,
        subjectPublicKeyInfo,
        ...('told' in content && isTold(content.told) ? { told: content.told } : {}),
      };
    }
  } catch {
    // Reported by the caller like any other content that is not a key's.
  }
  return undefined;
}

/** Our own file, written whole; what the members hold is the CA's to check. */
function isTold(value: unknown): value is ToldKey {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['label', 'token', 'attributes'].every((member) => Object.hasOwn(value, member))
  );
}

function isSignatureAlgorithmName(value: unknown): value is SignatureAlgorithmName {
  return typeof value === 'string' && Object.hasOwn(signatureAlgorithms, value);
}
