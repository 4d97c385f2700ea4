import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ChanceryError, type Clock } from '../src/domain/index.ts';
import {
  assembleSigned,
  type Certificate,
  decodePem,
  encodeCertificationRequestInfo,
  encodePem,
  findExtension,
  oids,
  parseCertificate,
  parseSubjectPublicKeyInfo,
  signatureAlgorithms,
} from '../src/pkix/index.ts';
import { type ClientCredential, certificateInAnswer, postToAuthority } from './authority-client.ts';
import { renewalTime } from './delegate.ts';
import { readIfThere, renameDurably, writeAtomically } from './files.ts';
import type { Log } from './ports.ts';

/** Where the responder's own client credential lies, and whom it trusts. */
export interface EnrolmentOptions {
  /** Base of the CA's HTTPS listener, such as `https://localhost:8443`. */
  readonly authorityUrl: string;
  /** PEM, mode 0600: a software key, made here and never sent (design: exceptions of invariant 6). */
  readonly keyFile: string;
  readonly certificateFile: string;
  /** PEM of the root that the CA's HTTPS certificate leads to. */
  readonly trustFile: string;
}

/** Milliseconds for one exchange with the CA. */
export const exchangeDeadline = 15_000;

/**
 * The responder's client certificate. It renews itself at half of its life with a new key.
 *
 * Key and certificate are two files, which no rename replaces together: the new pair is first
 * written whole beside the old one (`.next`), and `read` takes whichever key and certificate fit.
 */
export class ClientCertificate {
  readonly #options: EnrolmentOptions;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(options: EnrolmentOptions, clock: Clock, log: Log) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  /** @throws ChanceryError `configuration` when no key fits a certificate. */
  async read(): Promise<ClientCredential & { readonly parsed: Certificate }> {
    const { keyFile, certificateFile, trustFile } = this.#options;
    const keys = await readAll([keyFile, `${keyFile}.next`]);
    const certificates = await readAll([certificateFile, `${certificateFile}.next`]);
    let best: { key: string; certificate: string; parsed: Certificate } | undefined;
    for (const certificate of certificates) {
      const parsed = leafOf(certificate);
      const key = keys.find((candidate) => fits(candidate, parsed));
      if (
        key !== undefined &&
        (best === undefined || parsed.validity.notAfter > best.parsed.validity.notAfter)
      ) {
        best = { key, certificate, parsed };
      }
    }
    if (best === undefined) {
      throw new ChanceryError('configuration', {
        message: `the responder has no client certificate: ${certificateFile} and ${keyFile} are missing or don't belong together; \`chancery init\` makes them`,
      });
    }
    return { ...best, trust: await readFile(trustFile, 'utf8') };
  }

  /** Renews when half of the life is over. @throws ChanceryError when the CA refuses or is away. */
  async renewWhenDue(): Promise<void> {
    const current = await this.read();
    if (this.#clock.now() < renewalTime(current.parsed)) {
      return;
    }
    const { authorityUrl, keyFile, certificateFile } = this.#options;
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const request = certificationRequest(current.parsed, privateKey, publicKey);
    const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    await writeAtomically(`${keyFile}.next`, keyPem.toString());
    const { serialNumber } = current.parsed;
    const answer = await postToAuthority(
      new URL(`/api/v1/certificates/${serialNumber}/rekey`, authorityUrl),
      current,
      { csr: encodePem('CERTIFICATE REQUEST', request) },
      exchangeDeadline,
    );
    const pem = certificateInAnswer(answer);
    if (!fits(keyPem.toString(), leafOf(pem))) {
      throw new ChanceryError('malformed', {
        message: "the CA's answer holds a certificate of another key",
      });
    }
    await writeAtomically(`${certificateFile}.next`, pem);
    await renameDurably(`${keyFile}.next`, keyFile);
    await renameDurably(`${certificateFile}.next`, certificateFile);
    this.#log('info', "renewed the responder's client certificate", {
      serialNumber: leafOf(pem).serialNumber,
    });
  }
}

/** Same subject and names as before, new key (RFC 2986), signed here: it is a software key. */
function certificationRequest(
  current: Certificate,
  privateKey: KeyObject,
  publicKey: KeyObject,
): Uint8Array {
  const names = findExtension(current.extensions, oids.subjectAltName);
  const info = encodeCertificationRequestInfo({
    subject: current.subject,
    subjectPublicKeyInfo: parseSubjectPublicKeyInfo(
      publicKey.export({ type: 'spki', format: 'der' }),
    ),
    extensions: names === undefined ? [] : [names],
  });
  const signature = sign('sha256', info, privateKey);
  return assembleSigned(info, signatureAlgorithms['ecdsa-with-SHA256'], signature);
}

async function readAll(files: readonly string[]): Promise<readonly string[]> {
  const texts = await Promise.all(files.map(async (file) => readIfThere(file)));
  return texts.filter((text) => text !== undefined);
}

function leafOf(pem: string): Certificate {
  const [block] = decodePem(pem, 'CERTIFICATE');
  if (block === undefined) {
    throw new ChanceryError('malformed', { message: 'the PEM text holds no certificate' });
  }
  return parseCertificate(block.der);
}

function fits(keyPem: string, certificate: Certificate): boolean {
  try {
    const own = createPublicKey(createPrivateKey(keyPem)).export({ type: 'spki', format: 'der' });
    return Buffer.compare(own, certificate.subjectPublicKeyInfo.der) === 0;
  } catch {
    return false;
  }
}
