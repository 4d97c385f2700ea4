import { readFile } from 'node:fs/promises';
import { ChanceryError, type Clock, isChanceryError } from '../src/domain/index.ts';
import {
  type Certificate,
  decodePem,
  findExtension,
  importVerificationKey,
  namesEqual,
  type OcspRequest,
  oids,
  parseBasicConstraints,
  parseCertificate,
  parseKeyUsage,
  resolveSignatureAlgorithm,
  verifyChain,
  verifySignature,
} from '../src/pkix/index.ts';
import type { IssuerDirectory } from './issuers.ts';
import type { StatusLookup } from './status-lookup.ts';

/** Most certificates that a signed request may bring along. */
const maxCertificates = 8;

/** Most certificates between the requester's and the allow-listed one. */
const maxIntermediates = 4;

export interface RequestersParts {
  /** Requesters' own certificates, and CAs whose certificates are requesters'. */
  readonly allow: readonly Certificate[];
  /** For the status of a requester's certificate that one of our issuers made. */
  readonly issuers: IssuerDirectory;
  readonly lookup: StatusLookup;
  readonly clock: Clock;
}

/**
 * Who may ask, where the responder requires signed requests (RFC 6960 §4.1.2): requesters whose
 * certificate is in the allow list, or was issued below a CA in it.
 */
export class Requesters {
  readonly #parts: RequestersParts;
  readonly #exact: readonly Certificate[];
  readonly #authorities: readonly Certificate[];

  constructor(parts: RequestersParts) {
    this.#parts = parts;
    this.#authorities = parts.allow.filter(isAuthority);
    this.#exact = parts.allow.filter((certificate) => !isAuthority(certificate));
  }

  /**
   * @throws ChanceryError `signatureRequired` for an unsigned request, `malformed` for one whose
   * certificates can't be read, `forbidden` for any other signer or a signature that is wrong,
   * `databaseUnavailable` when the status of its certificate can't be read.
   */
  async admit(request: OcspRequest): Promise<void> {
    const { signature } = request;
    if (signature === undefined) {
      throw new ChanceryError('signatureRequired', {
        message: 'this responder answers signed requests only',
        clause: 'RFC 6960 §2.3',
      });
    }
    if (signature.certificates.length > maxCertificates) {
      throw new ChanceryError('malformed', {
        message: `more than ${maxCertificates} certificates beside the signature`,
        clause: 'RFC 6960 §4.1.1',
      });
    }
    const brought = signature.certificates.map((der) => parseCertificate(der));
    const now = this.#parts.clock.now();
    for (const signer of this.#named(request, brought)) {
      const issued =
        maySign(signer) && signed(request, signer) && this.#pathOf(signer, brought, now);
      if (issued) {
        for (const certificate of issued) {
          await this.#refuseNotGood(certificate);
        }
        return;
      }
    }
    throw refused('the signature is not that of a requester in the allow list');
  }

  /** Those that have the name which the request gives: the certificates that it brought need not be there. */
  #named(request: OcspRequest, brought: readonly Certificate[]): readonly Certificate[] {
    const name = request.requestorName;
    if (name === undefined) {
      throw refused('a signed request names its requester (requestorName)');
    }
    return [...this.#exact, ...brought].filter(
      ({ subject }) => name.type !== 'directoryName' || namesEqual(name.name, subject),
    );
  }

  /**
   * The certificates from the signer's up to an allow-listed CA, that one left out; the signer's
   * alone when it is allowed itself. Undefined when there is no valid path.
   */
  #pathOf(
    signer: Certificate,
    brought: readonly Certificate[],
    now: Date,
  ): readonly Certificate[] | undefined {
    if (this.#exact.some(({ der }) => Buffer.compare(der, signer.der) === 0)) {
      return isValidAt(signer, now) ? [signer] : undefined;
    }
    const issued: Certificate[] = [signer];
    for (let last = signer; issued.length <= maxIntermediates + 1; ) {
      const from = last;
      const authority = this.#authorities.find(
        (one) =>
          namesEqual(from.issuer, one.subject) && verifyChain([...issued, one], now).length === 0,
      );
      if (authority !== undefined) return issued;
      const next = brought.find(
        (one) => namesEqual(from.issuer, one.subject) && !issued.includes(one) && isAuthority(one),
      );
      if (next === undefined) return undefined;
      issued.push(next);
      last = next;
    }
    return undefined;
  }

  /** A certificate that one of the served issuers made must be good now; others have no status here. */
  async #refuseNotGood(certificate: Certificate): Promise<void> {
    const { issuers, lookup } = this.#parts;
    const issuer = issuers.all.find(
      (one) => verifyChain([certificate, one.certificate]).length === 0,
    );
    if (issuer === undefined) return;
    const { serialNumber } = certificate;
    const { records } = await lookup.lookup(issuer.issuerId, [serialNumber]);
    const record = records.get(serialNumber);
    if (record?.status !== 'good' || record.issuanceState !== 'issued') {
      throw refused("the requester's certificate is not good");
    }
  }
}

/**
 * The certificates of the allow list.
 *
 * @throws ChanceryError `configuration` naming the file that can't be read or holds none.
 */
export async function readRequesters(files: readonly string[]): Promise<readonly Certificate[]> {
  const certificates: Certificate[] = [];
  for (const file of files) {
    try {
      const blocks = decodePem(await readFile(file, 'utf8'), 'CERTIFICATE');
      if (blocks.length === 0) throw new Error('it holds no certificate');
      certificates.push(...blocks.map(({ der }) => parseCertificate(der)));
    } catch (error) {
      const why = error instanceof Error ? error.message : 'unknown error';
      throw new ChanceryError('configuration', {
        message: `ocsp.signedRequests.allow: ${file} can't be used: ${why}; give PEM files of certificates`,
        cause: error,
      });
    }
  }
  return certificates;
}

function signed(request: OcspRequest, signer: Certificate): boolean {
  const { signature } = request;
  const algorithm = signature && resolveSignatureAlgorithm(signature.algorithm);
  if (algorithm === undefined) return false;
  try {
    const key = importVerificationKey(signer.subjectPublicKeyInfo);
    return verifySignature(algorithm, key, request.tbsDer, signature?.value ?? new Uint8Array());
  } catch (error) {
    // A key that is not in the registry signs nothing that is believed.
    if (isChanceryError(error)) return false;
    throw error;
  }
}

function isValidAt({ validity }: Certificate, now: Date): boolean {
  return validity.notBefore <= now && now.getTime() < validity.notAfter.getTime() + 1000;
}

function isAuthority({ extensions }: Certificate): boolean {
  const constraints = findExtension(extensions, oids.basicConstraints);
  return constraints !== undefined && parseBasicConstraints(constraints.value).cA;
}

function maySign({ extensions }: Certificate): boolean {
  const usage = findExtension(extensions, oids.keyUsage);
  return usage === undefined || parseKeyUsage(usage.value).includes('digitalSignature');
}

function refused(message: string): ChanceryError {
  return new ChanceryError('forbidden', { message, clause: 'RFC 6960 §4.1.2' });
}
