import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, IssuerId, KeyId } from '../../src/domain/index.ts';
import { issueCertificationRequest, type OcspDelegate } from '../../src/issuance/index.ts';
import type { Signer } from '../../src/issuance/ports.ts';
import type { KeyBinding, KeyToken } from '../../src/keys/ports.ts';
import {
  type Certificate,
  decodePem,
  defaultSignatureAlgorithm,
  encodePem,
  importVerificationKey,
  parseCertificate,
  parseDistinguishedName,
  parseSubjectPublicKeyInfo,
  signatureAlgorithms,
} from '../../src/pkix/index.ts';
import { currentDelegate, delegateFaults, delegateOf } from '../delegate.ts';
import { mayComeBack } from '../delegate-slot.ts';
import { DelegateStore, delegateLife, delegatePurposes } from '../delegate-store.ts';
import { readIfThere, writeAtomically } from '../files.ts';
import type { Log } from '../ports.ts';

export interface ForeignDelegateOptions {
  readonly issuerId: IssuerId;
  readonly name: string;
  readonly certificate: Certificate;
  /** Holds the key's record and `request.pem`. */
  readonly folder: string;
  /** Where the operator puts the certificate. */
  readonly certificateFile: string;
  /** Whether this process makes key and request; another one does otherwise. */
  readonly enrols: boolean;
  readonly token: Signer & KeyToken;
  /** Milliseconds. */
  readonly signDeadline: number;
  readonly clock: Clock;
  readonly log: Log;
}

const keyAlgorithm = 'p256';

/** Part of the delegate's life that is left when the alarm begins, and milliseconds between alarms. */
const alarmRest = 0.25;
const alarmInterval = 3_600_000;

/**
 * The delegate for a CA that is not ours: the key is made in the responder's token, its request is
 * written to `request.pem`, and an operator has the CA sign it and puts the certificate in place
 * (RFC 6960 §4.2.2.2). A new file is picked up while running; it may be for the same request.
 */
export class ForeignDelegate {
  readonly #options: ForeignDelegateOptions;
  readonly #store: DelegateStore;
  #key: KeyBinding | undefined;
  /** Newest last; the one before serves until the new one is valid. */
  #delegates: readonly OcspDelegate[] = [];
  #fileSeen: string | undefined;
  #waitTold = false;
  #alarmedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ForeignDelegateOptions) {
    this.#options = options;
    this.#store = new DelegateStore(options.folder, options.log);
  }

  current(at: Date): OcspDelegate | undefined {
    return currentDelegate(this.#delegates, at);
  }

  /** Makes key and request when they are missing, and reads the certificate when its file changed. @throws ChanceryError of the token */
  async maintain(): Promise<void> {
    this.#key ??= await this.#ownKey();
    if (this.#key === undefined) return;
    if (this.#options.enrols) await this.#writeRequest(this.#key);
    await this.#readCertificate(this.#key);
    this.#alarm();
  }

  get requestFile(): string {
    return join(this.#options.folder, 'request.pem');
  }

  /** Of the keys that have a file. */
  async keyIds(): Promise<readonly KeyId[]> {
    return this.#store.keyIds();
  }

  async #ownKey(): Promise<KeyBinding | undefined> {
    const { issuerId, token, name, log, enrols } = this.#options;
    const { key } = await this.#store.read(issuerId, keyAlgorithm);
    if (key !== undefined) {
      try {
        await token.bind([key]);
        return key;
      } catch (error) {
        if (mayComeBack(error)) throw error;
        if (!enrols) return undefined;
        log(
          'error',
          "the token does not hold the key of a foreign CA's delegate; a new one is made and needs a new certificate",
          {
            issuer: name,
            keyId: key.keyId,
            error,
          },
        );
      }
    }
    if (!enrols) return undefined;
    const made = await token.generateKeyPair({
      keyAlgorithm,
      signatureAlgorithm: defaultSignatureAlgorithm(keyAlgorithm, 'pkcs1').name,
      purposes: delegatePurposes,
      label: `ocsp-${issuerId.slice(0, 16)}`,
    });
    await this.#store.writeKey(issuerId, keyAlgorithm, made);
    await this.#requestOf(made).then(async (pem) => writeAtomically(this.requestFile, pem));
    return made;
  }

  async #writeRequest(key: KeyBinding): Promise<void> {
    if ((await readIfThere(this.requestFile)) === undefined) {
      await writeAtomically(this.requestFile, await this.#requestOf(key));
    }
  }

  async #requestOf(key: KeyBinding): Promise<string> {
    const { name, token, signDeadline } = this.#options;
    const subjectPublicKeyInfo = parseSubjectPublicKeyInfo(key.subjectPublicKeyInfo);
    const commonName = `${name} OCSP responder`.slice(0, 64).trim();
    const der = await issueCertificationRequest(
      {
        subject: parseDistinguishedName(`CN=${commonName.replace(/[,+"\\<>;=#]/g, '\\$&')}`),
        subjectPublicKeyInfo,
        extensions: [],
      },
      {
        keyId: key.keyId,
        signatureAlgorithm: signatureAlgorithms[key.algorithm],
        publicKey: importVerificationKey(subjectPublicKeyInfo),
      },
      token,
      signDeadline,
    );
    return encodePem('CERTIFICATE REQUEST', der);
  }

  async #readCertificate(key: KeyBinding): Promise<void> {
    const { certificateFile, certificate: issuer, name, log } = this.#options;
    const seen = await stat(certificateFile).then(
      ({ mtimeMs, size, ino }) => `${mtimeMs}-${size}-${ino}`,
      () => undefined,
    );
    if (seen === this.#fileSeen) {
      if (seen === undefined && !this.#waitTold) {
        this.#waitTold = true;
        log(
          'warn',
          'a foreign CA has no delegate yet: have it sign the request, with the key purpose OCSPSigning and id-pkix-ocsp-nocheck',
          {
            issuer: name,
            request: this.requestFile,
            certificate: certificateFile,
          },
        );
      }
      return;
    }
    this.#fileSeen = seen;
    if (seen === undefined) return;
    try {
      const certificate = certificateIn(await readFile(certificateFile));
      const faults = delegateFaults(certificate, issuer, key);
      if (faults.length > 0) {
        if (!this.#options.enrols) {
          // Perhaps for a new key that the process which enrols has made.
          this.#key = undefined;
          this.#fileSeen = undefined;
          return;
        }
        log('error', "a foreign CA's delegate certificate is not used", {
          issuer: name,
          file: certificateFile,
          faults,
        });
        return;
      }
      if (key.life.state !== 'active') {
        this.#key = { ...key, life: delegateLife(true) };
        await this.#options.token.bind([this.#key]);
      }
      this.#delegates = [...this.#delegates.slice(-1), delegateOf(certificate, key)];
      log('info', "took a foreign CA's delegate certificate", {
        issuer: name,
        serialNumber: certificate.serialNumber,
        notAfter: certificate.validity.notAfter,
      });
    } catch (error) {
      log('error', "a foreign CA's delegate certificate cannot be read", {
        issuer: name,
        file: certificateFile,
        error,
      });
    }
  }

  #alarm(): void {
    const { name, clock, log, certificateFile } = this.#options;
    const newest = this.#delegates.at(-1)?.certificate.validity;
    if (newest === undefined || performance.now() - this.#alarmedAt < alarmInterval) return;
    const rest = newest.notAfter.getTime() - clock.now().getTime();
    if (rest > (newest.notAfter.getTime() - newest.notBefore.getTime()) * alarmRest) return;
    this.#alarmedAt = performance.now();
    log(
      rest <= 0 ? 'error' : 'warn',
      "a foreign CA's delegate certificate ends: have the CA sign the request again",
      {
        issuer: name,
        notAfter: newest.notAfter,
        request: this.requestFile,
        certificate: certificateFile,
      },
    );
  }
}

function certificateIn(octets: Buffer): Certificate {
  if (!octets.includes('-----BEGIN')) return parseCertificate(new Uint8Array(octets));
  const [block] = decodePem(octets.toString('latin1'), 'CERTIFICATE', { surroundingText: true });
  return parseCertificate(block?.der ?? new Uint8Array(0));
}
